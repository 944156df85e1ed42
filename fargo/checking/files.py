"""The files that the gateway reads and the directory that it writes: who else can read or change them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fargo.checking import texts
from fargo.checking.finding import Finding, problem
from fargo.config import Config

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
TLS_FILES: Final = ("tls_certificate", "tls_key", "tls_ca")
"""The options with files for TLS."""


def exposed(path: Path, config: Config) -> Iterator[Finding]:
    """Find each file, and the directory, that other users of this machine could use against us. The configuration is
    from `path`.
    """
    if why := _file_exposed(path, secret=config.xmpp.secret is not None):
        yield problem("", why)
    if (file := config.xmpp.secret_file) and (why := _file_exposed(file, secret=True)):
        yield problem("xmpp.secret_file", why)
    if (key := tls_file(config, "tls_key")) and key.exists() and (why := _file_exposed(key, secret=True)):
        yield problem("sip.tls_key", why)
    directory = config.state.directory
    if directory.is_dir() and (why := _directory_exposed(directory)):
        yield problem("state.directory", why)


def unreadable(config: Config) -> Iterator[Finding]:
    """Find each file for TLS that we cannot read."""
    for name in TLS_FILES:
        if (file := tls_file(config, name)) and not os.access(file, os.R_OK):
            yield problem(f"sip.{name}", texts.NOT_READABLE.format(path=file, uid=os.getuid()))


def tls_file(config: Config, name: str) -> Path | None:
    """Return the file of this option; None if the engine in use has no TLS."""
    path: Path | None = getattr(config.sip, name)
    return path if config.sip.engine == "sip" else None


def _file_exposed(path: Path, secret: bool) -> str | None:
    """Return why a file is not safe from other users: who can change it, or read it if it contains a secret. root is
    trusted, and so is the group by which the gateway reads a file of root's.
    """
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        return texts.OF_ANOTHER_USER.format(path=path, owner=found.st_uid, uid=os.geteuid())
    others = found.st_mode & (_OTHERS if secret else _OTHERS_WRITE)
    if found.st_uid == 0 and found.st_gid in (0, os.getegid(), *os.getgroups()):
        others &= ~stat.S_IRGRP
    if others:
        return (texts.SECRET_EXPOSED if secret else texts.CHANGEABLE).format(path=path)
    return None


def _directory_exposed(path: Path) -> str | None:
    found = path.stat()
    if found.st_uid != os.geteuid():
        return texts.OF_ANOTHER_USER.format(path=path, owner=found.st_uid, uid=os.geteuid())
    return texts.DIRECTORY_EXPOSED.format(path=path) if found.st_mode & _OTHERS else None
