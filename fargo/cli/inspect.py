"""`fargo inspect`: serve the pages of a log to a browser on this machine."""

from typing import Any, Final

import click

from fargo.cli import texts
from fargo.cli.common import InputError, directory_of_log, open_log, reads_log
from fargo.store.interface import Reader
from fargo.store.places import LogPlace
from replay.inspecting import link

PORT: Final = 8068
"""The port if none is given and no other program has it: always the same, so that links hold."""


@click.command()
@reads_log
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65535), help=f"The port, 0 for any free one. Default: {PORT}."
)
def inspect(path: LogPlace, port: int | None) -> None:
    """Serve the calls of a log to a browser on this machine.

    Runs until Ctrl-C. The gateway may be running at the same time. The address of a gateway's pages is the same at each
    start, so links to a call, a user or a search hold.
    """
    from twisted.internet import reactor  # here, because the gateway installs another

    with open_log(path) as log:
        address = _serve(log, _secret(path), port, reactor)
        click.echo(texts.SERVING.format(path=path, address=address))
        reactor.run()  # type: ignore[misc]


def _secret(path: LogPlace) -> str:
    """Return the secret of the address: a lasting one for the log of a gateway, unless its directory is read-only."""
    directory = directory_of_log(path)
    if directory is None:
        return link.drawn()
    if click.get_current_context().params["log"] is not None:
        return link.known(directory) or link.drawn()
    try:
        return link.lasting(directory)
    except OSError as error:
        click.echo(texts.LINK_NOT_LASTING.format(path=directory / link.NAME, why=error.strerror), err=True)
        return link.drawn()


def _serve(log: Reader, secret: str, port: int | None, reactor: Any) -> str:
    """Listen, and return the address. Raises InputError if the port that was asked for cannot be used."""
    from replay.server import serve

    try:
        return serve(log, secret, PORT if port is None else port, reactor)
    except OSError as error:
        if port is not None:
            raise InputError(texts.PORT_UNUSABLE.format(port=port, why=error.strerror)) from None
        click.echo(texts.PORT_TAKEN.format(port=PORT, why=error.strerror), err=True)
        return serve(log, secret, 0, reactor)
