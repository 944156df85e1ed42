"""Text that nobody outside may send to a terminal: the characters that it, or a layout, obeys."""

import unicodedata
from collections.abc import Iterable

BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}\N{ARABIC LETTER MARK}"

TITLE = "\x1b]0;pwned\x07"
"""Sets the title of a terminal's window."""
HOSTILE = f"{TITLE}\x1b[2J\x9b31m\u202etxt.exe\u2066\u2028\x7f\x00"


def is_obeyed(character: str) -> bool:
    """Return whether a terminal or a layout acts on a character (the Unicode Standard, §4.5 and UAX 9)."""
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in BIDI
        or character in MARKS
    )


def obeyed(lines: Iterable[str]) -> list[str]:
    """Return the lines with such a character."""
    return [line for line in lines if any(map(is_obeyed, line))]
