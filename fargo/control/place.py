"""The place of the control socket: in a state directory, however long the directory's path is.

The address of a Unix socket has at most 107 bytes (unix(7)). So the directory is opened, and the address is a path
through its descriptor (proc(5)), which is short.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NAME: Final = "control"
"""The name of the socket."""
WAITING: Final = "waiting"
"""That of a process that waits until it is its turn to be a worker: another may serve with the same directory."""


class SocketPlace:
    """The address of a socket in an existing directory, for as long as it is open. Raises OSError."""

    def __init__(self, directory: Path, name: str = NAME) -> None:
        self._descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.address = f"/proc/self/fd/{self._descriptor}/{name}"

    def close(self) -> None:
        """Close the directory. The address means nothing afterwards."""
        os.close(self._descriptor)


@contextmanager
def address_in(directory: Path, name: str = NAME) -> Iterator[str]:
    """Give the address of a socket in a directory, for a while. Raises OSError."""
    place = SocketPlace(directory, name)
    try:
        yield place.address
    finally:
        place.close()
