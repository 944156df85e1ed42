"""The border of every output: a terminal, the journal, CSV, pages, and what is sent to clients.

Text from outside may have characters that are no letters: they move the cursor, change colours and titles, end a line,
or turn the order of what stands beside them (UTS 55, "Trojan Source"). None of them leaves the gateway. The log keeps
them, since it has what was received.
"""

import re
from collections.abc import Container
from typing import Final

# Control characters (Cc), the ends of lines and paragraphs (Zl, Zp), surrogates (Cs), and those format characters (Cf)
# that turn directions or cannot be seen. Joiners (U+200C, U+200D) are needed in Persian, Hindi and emoji.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a]"
)
_MARK: Final = "?"


def plain(text: str, kept: Container[str] = "", mark: str = _MARK) -> str:
    """Return the text with a mark in place of each character that is unsafe, except those in `kept`."""
    if text.isprintable():  # nearly always, and this is faster
        return text
    return _UNSAFE.sub(lambda found: found[0] if found[0] in kept else mark, text)


def plain_json(data: bytes) -> str:
    """Return JSON, formatted or not, in which each unsafe character is escaped. It means the same."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] == "\n" else _escaped(found[0]), data.decode())


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
