"""Pages for man(1), in the macros of groff_man(7)."""

from collections.abc import Iterable
from typing import Final

_ESCAPED: Final = str.maketrans({"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "`": r"\(ga"})


def text(given: str) -> str:
    """Return a text as roff has it. A paragraph is one line, so that nothing in it begins one as a request does."""
    escaped = " ".join(given.split()).translate(_ESCAPED)
    line = "".join(each if each.isascii() else rf"\[u{ord(each):04X}]" for each in escaped)
    return rf"\&{line}" if line.startswith((".", "'")) else line


def title(name: str, section: int, what: str) -> list[str]:
    """Return the beginning of a page. No date, so that the same source gives the same page."""
    return [
        f'.TH "{text(name).upper()}" {section} "" "Fargo" "Fargo"',
        *heading("Name"),
        rf"{text(name)} \- {text(what)}",
    ]


def heading(name: str) -> list[str]:
    """Return the heading of a section."""
    return [f'.SH "{text(name).upper()}"']


def paragraphs(given: str) -> list[str]:
    """Return the paragraphs of a text, which empty lines separate."""
    return [line for each in given.split("\n\n") for line in (".PP", text(each))]


def terms(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return a list of terms, each with its explanation."""
    return [line for term, meaning in pairs for line in (".TP", rf"\fB{text(term)}\fR", text(meaning))]


def page(*parts: list[str]) -> str:
    """Return a page of these parts."""
    return "".join(f"{line}\n" for part in parts for line in part)
