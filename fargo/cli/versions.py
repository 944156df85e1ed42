"""`fargo --version`: the versions of the gateway and of the programs that it works with, on this machine."""

import shutil
from importlib.metadata import version

import click

from fargo.cli import texts
from fargo.config_sections import ProgramsConfig
from fargo.program_versions import package_version, version_told


def show_versions(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the versions, and end the command."""
    if not wanted or context.resilient_parsing:
        return
    programs = ProgramsConfig.model_construct()
    click.echo(texts.VERSION.format(program="fargo", version=version("fargo")))
    _show("kamailio", str(programs.kamailio), "-v")
    _show("rtpengine", "rtpengine", "--version")
    _show("telepathy-rakia", str(programs.rakia))
    context.exit()


def _show(name: str, program: str, option: str | None = None) -> None:
    """Print the version of a program, which it tells itself if it has an option for that, or else its package."""
    if not (path := shutil.which(program)):
        click.echo(texts.NOT_INSTALLED.format(program=name))
        return
    found = version_told([path, option]) if option else package_version(name)
    told = texts.NO_VERSION.format(program=name) if found is None else texts.VERSION.format(program=name, version=found)
    click.echo(told)
