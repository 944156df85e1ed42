"""The programs that the gateway starts: if they are there, if they run, and in which version."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fargo.checking import texts
from fargo.checking.finding import Finding, fine, problem
from fargo.config import Config
from fargo.program_versions import package_version, version_told

_OF_TELEPATHY: Final = ("rakia", "dbus_daemon")
"""The programs that only the engine "telepathy" needs."""
_ASKED: Final = {"kamailio": "-v", "dbus_daemon": "--version"}
"""The options by which programs tell their version."""
_PACKAGES: Final = {Path("/usr/lib/telepathy/telepathy-rakia"): "telepathy-rakia"}
"""The packages of programs that do not tell it."""


def missing(config: Config) -> Iterator[Finding]:
    """Find each program that the engine needs and that cannot be executed."""
    for name, program in _needed(config):
        if not (program.is_file() and os.access(program, os.X_OK)):
            yield problem(f"programs.{name}", texts.NOT_EXECUTABLE.format(program=program))


def versions(config: Config) -> Iterator[Finding]:
    """Find the versions of the programs, and what is another program than it should be."""
    for name, program in _needed(config):
        if not os.access(program, os.X_OK):
            continue
        if version := _version(name, program):
            yield fine(texts.VERSION.format(program=program, version=version))
        elif name in _ASKED:
            yield problem(f"programs.{name}", texts.NO_VERSION.format(program=program, option=_ASKED[name]))


def _version(name: str, program: Path) -> str | None:
    """Return the version of a program, None if it is not known."""
    if name in _ASKED:
        return version_told([str(program), _ASKED[name]])
    return package_version(_PACKAGES[program]) if program in _PACKAGES else None


def _needed(config: Config) -> Iterator[tuple[str, Path]]:
    unused = () if config.sip.engine == "telepathy" else _OF_TELEPATHY
    return ((name, program) for name, program in config.programs if name not in unused)
