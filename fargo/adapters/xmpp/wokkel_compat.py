"""Import wokkel's data forms (XEP-0004) on current releases of Twisted.

wokkel 18.0.0 is its last release. `wokkel.data_form` imports `_PY3` from `twisted.python.compat`, a name that Twisted
dropped together with Python 2. This module restores it before the import. Other modules import `data_form` from here.
"""

from twisted.python import compat

compat._PY3 = True  # type: ignore[attr-defined]

from wokkel import data_form  # noqa: E402

__all__ = ["data_form"]
