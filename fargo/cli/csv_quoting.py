"""Write CSV in which no cell is a formula to a spreadsheet, because callers choose their own names.

Rules:

1. A text that begins like a formula gets a single quote before it, as OWASP recommends. The quote stays visible.
2. Numbers stay unchanged, and so do phone numbers, also with a domain and a call's number after it: a spreadsheet
   evaluates them to numbers at most.
3. Every text is in double quotes. By default, Python would not quote a carriage return, which ends a line.
"""

import csv
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

_T = TypeVar("_T")

# Some spreadsheets accept the full-width forms as well.
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_PHONE_NUMBER: Final = re.compile(r"\+[0-9]+(@[0-9A-Za-z.:-]+(/[0-9]+)?)?")


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a header line and the rows to stdout."""
    writer = csv.DictWriter(sys.stdout, columns, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _quoted(value) for name, value in row.items()} for row in rows)


def _quoted(value: _T) -> _T | str:
    is_formula = isinstance(value, str) and _FORMULA.match(value) and not _PHONE_NUMBER.fullmatch(value)
    return f"'{value}" if is_formula else value
