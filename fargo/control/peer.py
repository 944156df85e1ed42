"""The other end of a connection to a Unix socket, as the kernel knows it (unix(7), SO_PEERCRED)."""

import os
import socket
import struct
from typing import Any, Final

_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group."""


def may_ask(connection: Any) -> bool:
    """Return True if a connection, Twisted's or asyncio's socket, is that of our own user or of root."""
    return _user(connection) in (0, os.geteuid())


def _user(connection: Any) -> int:
    given = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(given)[1])
