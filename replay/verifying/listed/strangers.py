"""The listed changes of who is shown to clients, and by which name, and the comparison of commands apart from them."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import (
    Command,
    DeliverText,
    InitiateSession,
    Issued,
    ProposeCall,
    SendPresence,
    SendText,
)
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import in_calls


def _strangers_shown(difference: Difference) -> bool:
    """The older rules showed clients no contacts that their user had not subscribed to. All else is as today."""
    apart = with_strangers_unshown(difference)
    return apart is not difference and apart.now == difference.then


def with_strangers_unshown(difference: Difference) -> Difference:
    """Return the difference as if today's rules showed no such contacts either."""
    left = [(unintroduced(each.command), each.call) for each in difference.now if not shows_to_client(each.command)]
    if left == in_calls(difference.now):
        return difference
    user, version = difference.recorded.user, difference.recorded.version
    return replace(
        difference, now=tuple(Issued(user, f"{version}.{n}", command, call) for n, (command, call) in enumerate(left))
    )


def shows_to_client(command: Command) -> bool:
    """Return True for presence to a full JID: all other presence is for all clients of a user."""
    return isinstance(command, SendPresence) and "/" in command.to


def unintroduced(command: Command) -> Command:
    """Return a command as if nobody had to be introduced."""
    return replace(command, introduces=False) if isinstance(command, InitiateSession) else command


def _nicks_told(difference: Difference) -> bool:
    """The older rules told nobody's name. All else is as today."""
    apart = with_nicks_untold(difference)
    return apart is not difference and apart.now == difference.then


def with_nicks_untold(difference: Difference) -> Difference:
    """Return the difference as if today's rules told nobody's name either."""
    now = tuple(replace(each, command=nameless(each.command)) for each in difference.now)
    return difference if now == difference.now else replace(difference, now=now)


def nameless(command: Command) -> Command:
    """Return a command without the name that its sender gives themselves."""
    named = isinstance(command, InitiateSession | ProposeCall | SendText | DeliverText)
    return replace(command, nick=None) if named else command


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.STRANGERS_SHOWN.name: _strangers_shown,
    rules.NICKS_TOLD.name: _nicks_told,
}
