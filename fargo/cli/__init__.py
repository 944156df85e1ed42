"""The command line. docs/cli.md describes it for users.

Invalid arguments and files lead to a message on stderr and exit code 2. Each command or group has a module of its own.
The sentences are in `texts`.
"""

import os

import click

from fargo.cli.accounts import accounts
from fargo.cli.announce import announce
from fargo.cli.calls import calls
from fargo.cli.drain import drain
from fargo.cli.export import export_call, import_log
from fargo.cli.gateway import check, run
from fargo.cli.init import init
from fargo.cli.inspect import inspect
from fargo.cli.ladder import ladder_of_call
from fargo.cli.log import log
from fargo.cli.replay import replay
from fargo.cli.state import accept_log_of_state, back_up_state, restore_state
from fargo.cli.status import status
from fargo.cli.stop import stop
from fargo.cli.users import users
from fargo.cli.versions import show_versions
from fargo.cli.why import why


@click.group()
@click.option(
    *("--version", "_"), is_flag=True, expose_value=False, is_eager=True, callback=show_versions,
    help="Show the versions of Fargo and of the programs that it works with.",
)  # fmt: skip
def main() -> None:
    """Fargo lets XMPP users call, be called and exchange texts through their own SIP accounts."""
    if os.environ.get("NO_COLOR"):  # no-color.org
        click.get_current_context().color = False


for command in (init, run, drain, stop, status, check, accounts, users, announce, calls, why, inspect, log, replay):
    main.add_command(command)
for command in (back_up_state, restore_state, accept_log_of_state):
    main.add_command(command)
for command in (ladder_of_call, export_call, import_log):
    replay.add_command(command)
