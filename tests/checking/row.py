"""A row of the table of misuse: what is wrong, and the sentence that the operator gets for it."""

from typing import Final, NamedTuple

from checking.situations import Make

CHECK: Final = ("check",)
RUN: Final = ("run",)


class Row(NamedTuple):
    """`said` is all that the command writes to stderr, with names in braces for what differs between two runs. A row
    whose command is RUN gets the same from `fargo check`.
    """

    name: str
    make: Make
    said: str
    command: tuple[str, ...] = CHECK
