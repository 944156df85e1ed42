"""The programs that the gateway starts: if they are there, if they run, and in which version."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fargo.checking import texts
from fargo.checking.finding import Finding, fine, problem
from fargo.config import Config
from fargo.program_versions import version_told

_OF_TELEPATHY: Final = ("rakia", "dbus_daemon")
"""The programs that only the engine "telepathy" needs."""
_ASKED: Final = {"kamailio": "-v", "dbus_daemon": "--version"}
"""The options by which programs tell their version. rakia has none."""


def missing(config: Config) -> Iterator[Finding]:
    """Find each program that the engine needs and that cannot be executed."""
    for name, program in _needed(config):
        if not (program.is_file() and os.access(program, os.X_OK)):
            yield problem(f"programs.{name}", texts.NOT_EXECUTABLE.format(program=program))


def versions(config: Config) -> Iterator[Finding]:
    """Find the versions of the programs, and what is another program than it should be."""
    for name, program in _needed(config):
        if name not in _ASKED or not os.access(program, os.X_OK):
            continue
        if version := version_told([str(program), _ASKED[name]]):
            yield fine(texts.VERSION.format(program=program, version=version))
        else:
            yield problem(f"programs.{name}", texts.NO_VERSION.format(program=program, option=_ASKED[name]))


def _needed(config: Config) -> Iterator[tuple[str, Path]]:
    unused = () if config.sip.engine == "telepathy" else _OF_TELEPATHY
    return ((name, program) for name, program in config.programs if name not in unused)
