"""`fargo inspect`: the pages of a log, for a browser on this machine."""

from pathlib import Path

import click

from fargo.cli.common import Refused, opened, reads_log


@click.command()
@reads_log
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="The port; if none is given, any.")
def inspect(path: Path, port: int) -> None:
    """Serve the calls of a log to a browser on this machine, until Ctrl-C. The gateway may be writing to it."""
    from twisted.internet import reactor  # here, because the gateway has another

    from replay.server import serve

    with opened(path) as log:
        try:
            address = serve(log, port, reactor)
        except OSError as error:
            raise Refused(f"Port {port} of this machine cannot be used: {error.strerror}.") from None
        click.echo(f"The calls in {path}: {address}\nCtrl-C ends it.")
        reactor.run()  # type: ignore[misc]
