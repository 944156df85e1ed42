"""A table as CSV, in which a spreadsheet finds no formula: what a caller calls themselves may be written to be one.

Rules:

1. A text that begins like a formula gets a single quote before it, which is OWASP's advice; the quote stays visible.
2. Numbers of our own stay as they are, and so does a telephone number, alone or with a domain and what we name a call
   by behind it: neither can do more than be counted.
3. Every text stands in double quotes: Python leaves them out around one with a carriage return, which ends a line.
"""

import csv
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

_T = TypeVar("_T")

# Some spreadsheets take the wide forms for the others.
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER: Final = re.compile(r"\+[0-9]+(@[0-9A-Za-z.:-]+(/[0-9]+)?)?")


def write(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write the rows to stdout, below a line of titles."""
    writer = csv.DictWriter(sys.stdout, columns, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _defused(value) for name, value in row.items()} for row in rows)


def _defused(value: _T) -> _T | str:
    formula = isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if formula else value
