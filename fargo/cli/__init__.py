"""The command line, described for people in docs/cli.md. What a user got wrong is told on stderr, with exit code 2.

Each command, or group of commands, has a file of its own.
"""

import click

from fargo.cli.calls import calls
from fargo.cli.export import export_call, import_log
from fargo.cli.gateway import check, run
from fargo.cli.inspect import inspect
from fargo.cli.ladder import ladder_of_call
from fargo.cli.log import log
from fargo.cli.replay import replay


@click.group()
@click.version_option(package_name="fargo")
def main() -> None:
    """Fargo lets XMPP users call, and be called, through their own SIP accounts."""


for command in (run, check, calls, inspect, log, replay):
    main.add_command(command)
for command in (ladder_of_call, export_call, import_log):
    replay.add_command(command)
