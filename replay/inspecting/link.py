"""The secret in the address of the pages: the same at each start, so that an address that somebody kept leads on.

Rules:

1. It is a file of the state directory that only the directory's owner can read, like the log. Whoever runs `fargo
   inspect` as root leaves it to that owner.
2. A log that was copied elsewhere has no such file, and none is made beside it: its secret is drawn at each start.
3. Deleting the file makes all addresses invalid that were given out.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from fargo.private_file import write_private

NAME: Final = "inspect.key"
_BYTES: Final = 16
_SECRET: Final = re.compile(r"[\w-]{22}\n")


def drawn() -> str:
    """Return a new secret."""
    return token_urlsafe(_BYTES)


def known(directory: Path) -> str | None:
    """Return the secret of a state directory, None if there is none that we can use."""
    with suppress(OSError, UnicodeError):
        text = (directory / NAME).read_text("ascii")
        return text.strip() if _SECRET.fullmatch(text) else None
    return None


def lasting(directory: Path) -> str:
    """Return the secret of a state directory; if there is none, draw it and leave it there. Raises OSError."""
    if secret := known(directory):
        return secret
    secret = drawn()
    write_private(directory / NAME, f"{secret}\n")
    if os.geteuid() == 0:
        owner = directory.stat()
        os.chown(directory / NAME, owner.st_uid, owner.st_gid, follow_symlinks=False)
    return secret
