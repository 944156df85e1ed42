"""Write a file that only our user can read, whatever was in its place.

Rules:

1. It is a new file with mode 0600, which takes the place of what is there in one step. So a file that was there keeps
   neither its mode nor its owner, no link is followed, and nobody sees a half-written one.
2. What is no file, such as a terminal or a pipe, is written to as it is.
"""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile, mkstemp


def write_private(path: Path, content: str | bytes) -> None:
    """Write the content, a text in UTF-8. Raises OSError."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    descriptor, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600, O_EXCL and O_NOFOLLOW
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        draft.replace(path)
    except BaseException:
        draft.unlink()
        raise


def lasting_secret(path: Path) -> str:
    """Return a random secret that is the same at every start, so that what it has signed stays valid. Whoever is the
    first to ask for it makes it, and nobody replaces it.
    """
    if not path.exists():
        with NamedTemporaryFile("w", prefix=f".{path.name}.", dir=path.parent) as draft:  # mode 0600
            draft.write(token_hex(32))
            draft.flush()
            with suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text()
