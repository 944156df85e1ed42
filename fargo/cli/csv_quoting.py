"""Write CSV in which no cell is a formula to a spreadsheet, because callers choose their own names.

Rules:

1. A text that begins like a formula gets a single quote before it, as OWASP recommends. The quote stays visible.
2. Numbers stay unchanged, and so do phone numbers, also with a domain and a call's number after it: a spreadsheet
   evaluates them to numbers at most.
3. Every text is in double quotes.
4. A text stays on its line, and has no character that a terminal obeys (`fargo.plain`).
"""

import csv
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from fargo.plain import plain

_T = TypeVar("_T")

# Some spreadsheets accept the full-width forms as well.
_FORMULA: Final = re.compile(r"[=+\-@＝＋－＠]")
_PHONE_NUMBER: Final = re.compile(r"\+[0-9]+(@[0-9A-Za-z.:-]+(/[0-9]+)?)?")


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a header line and the rows to stdout."""
    writer = csv.DictWriter(sys.stdout, columns, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _quoted(value) for name, value in row.items()} for row in rows)


def _quoted(value: _T) -> _T | str:
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if _FORMULA.match(text) and not _PHONE_NUMBER.fullmatch(text) else text
