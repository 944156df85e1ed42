"""Lines to a program that reads from a named pipe."""

import os
from pathlib import Path

from .process import Process


def write_line(pipe: Path, text: str, reader: Process) -> None:
    """Write a line. Raises ProcessError if the program does not read any more, instead of waiting for it forever."""
    try:
        opened = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        raise reader.failure("does not read from its pipe") from None
    with os.fdopen(opened, "w") as lines:
        lines.write(f"{text}\n")
