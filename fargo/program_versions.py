"""The version that a program tells of itself."""

import re
import subprocess
from collections.abc import Sequence
from typing import Final

from fargo.plain import plain

_SECONDS: Final = 5
_NUMBER: Final = re.compile(r"\d+\.\d[\w.+~-]*")


def package_version(name: str) -> str | None:
    """Return the version of an installed package of Debian, None if it is not known."""
    return version_told(["dpkg-query", "--show", "--showformat=${Version}", name])


def version_told(command: Sequence[str]) -> str | None:
    """Return the first version in what a command prints, None if there is none, or if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = _NUMBER.search((done.stdout + done.stderr).decode(errors="replace"))
    return plain(found[0]) if found else None
