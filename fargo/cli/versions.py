"""`fargo --version`: the versions of the gateway and of the programs that it works with, on this machine."""

import shutil
from importlib.metadata import version
from typing import Final

import click

from fargo.cli import texts
from fargo.config import ProgramsConfig
from fargo.program_versions import version_told

_PACKAGE: Final = ("dpkg-query", "--show", "--showformat=${Version}")


def show_versions(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the versions, and end the command."""
    if not wanted or context.resilient_parsing:
        return
    programs = ProgramsConfig.model_construct()
    click.echo(texts.VERSION.format(program="fargo", version=version("fargo")))
    _show("kamailio", str(programs.kamailio), "-v")
    _show("rtpengine", "rtpengine", "--version")
    _show("telepathy-rakia", str(programs.rakia), *_PACKAGE, "telepathy-rakia")
    context.exit()


def _show(name: str, program: str, *asks: str) -> None:
    """Print the version of a program, which it tells itself if `asks` are options, or else another program."""
    if not (path := shutil.which(program)):
        click.echo(texts.NOT_INSTALLED.format(program=name))
        return
    found = version_told([path, *asks] if asks[0].startswith("-") else asks)
    told = texts.NO_VERSION.format(program=name) if found is None else texts.VERSION.format(program=name, version=found)
    click.echo(told)
