"""`fargo inspect`: serve the pages of a log to a browser on this machine."""

from pathlib import Path

import click

from fargo.cli import texts
from fargo.cli.common import InputError, open_log, reads_log


@click.command()
@reads_log
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="The port. Default: any free one.")
def inspect(path: Path, port: int) -> None:
    """Serve the calls of a log to a browser on this machine.

    Runs until Ctrl-C. The gateway may be running at the same time.
    """
    from twisted.internet import reactor  # here, because the gateway installs another

    from replay.server import serve

    with open_log(path) as log:
        try:
            address = serve(log, port, reactor)
        except OSError as error:
            raise InputError(texts.PORT_UNUSABLE.format(port=port, why=error.strerror)) from None
        click.echo(texts.SERVING.format(path=path, address=address))
        reactor.run()  # type: ignore[misc]
