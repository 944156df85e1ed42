"""wokkel on today's Twisted: the rest of this adapter takes wokkel's modules from here.

wokkel 18 is the last release. Its data forms ask `twisted.python.compat` for `_PY3`, which left Twisted together with
Python 2; the name is put back, with the value it always had on Python 3, before wokkel is imported. Nothing else
of what is used here needs help.
"""

from twisted.python import compat

compat._PY3 = True  # type: ignore[attr-defined]

from wokkel import data_form, disco, subprotocols  # noqa: E402

__all__ = ["data_form", "disco", "subprotocols"]
