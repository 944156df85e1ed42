"""The pages of a call, of all calls in a log, of a user, and of all users. Each is one self-contained HTML document,
made of the files beside this one and of data.

Rules:

1. A page makes no requests: its policy (CSP) allows its own style and script, by their hashes, and nothing else. A page
   that is served may ask its own server for news.
2. The data is in it as data, not as script or HTML: no text of the other end can leave its place, and the script shows
   text as text, with its number in place of each character that cannot be seen.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

import msgspec

from fargo.plain import plain, plain_json
from replay.drawing.page_data import PageData

_CALL: Final = ("shared.js", "state.js", "ladder.js", "step.js", "call.js")
_CALLS: Final = ("shared.js", "list.js", "calls.js")
_USER: Final = ("shared.js", "list.js", "user.js")
_USERS: Final = ("shared.js", "list.js", "users.js")
_IN_HTML: Final = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})
"""In JSON these stand in strings only. Escaped they mean the same, and cannot end the element that the data is in."""
_NOTHING_ELSE: Final = "base-uri 'none'; form-action 'none'"


def call_page(call: PageData, source: str | None = None) -> str:
    """Return the page of a call. ``source``: where, below the page's own address, its server gives the data as it is
    then; None if the page is not served.
    """
    return _filled(f"{call.user}/{call.id}", "call.html", _CALL, msgspec.json.encode(call), source)


def calls_page(found: bytes, source: str) -> str:
    """Return the page of all calls. `found` is the answer to a first request to the source, in JSON."""
    return _filled("Calls", "calls.html", _CALLS, found, source)


def user_page(user: str, known: bytes, source: str) -> str:
    """Return the page of a user. `known` is the answer to a first request to the source, in JSON."""
    return _filled(user, "user.html", _USER, known, source)


def users_page(known: bytes, source: str) -> str:
    """Return the page of all users. `known` is the answer to a first request to the source, in JSON."""
    return _filled("Users", "users.html", _USERS, known, source)


def _filled(title: str, body: str, scripts: tuple[str, ...], data: bytes, source: str | None) -> str:
    style, script = _text("page.css"), "".join(map(_text, scripts))
    own = "connect-src 'self'; " if source else ""
    return Template(_text("frame.html")).substitute(
        title=escape(plain(title)),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; {own}{_NOTHING_ELSE}",
        style=style,
        body=_text(body),
        source=escape(source or ""),
        data=plain_json(data).translate(_IN_HTML),
        script=script,
    )


def _text(name: str) -> str:
    return (files(__name__) / name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the name of an inline style or script in a policy (CSP level 3, §2.3.1)."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
