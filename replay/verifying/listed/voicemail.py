"""The listed changes about mailboxes, and the comparison of commands apart from it."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import mailbox_address
from fargo.statemachine.address import local_of
from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import RecordBegun, RecordDialog
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.jingle_events import CallProposed, SessionInitiated
from fargo.statemachine.model.sip_messages import SendRequest
from replay.verifying.difference import Difference, Explains


def _mailbox_asked(difference: Difference) -> bool:
    """All that is new is that the provider is asked about the mailbox."""
    other = without_mailbox(difference)
    return other is not difference and other.then == other.now


def without_mailbox(difference: Difference) -> Difference:
    """Return the difference as if nobody asked about the mailbox today."""
    left = [each for each in difference.now if not asks_mailbox(each.command)]
    if len(left) == len(difference.now):
        return difference
    user, version = difference.recorded.user, difference.recorded.version
    now = (Issued(user, f"{version}.{n}", each.command, each.call) for n, each in enumerate(left))
    return replace(difference, now=tuple(now))


def asks_mailbox(command: Command) -> bool:
    """Return True if a command is a SUBSCRIBE. Nothing else waits for what comes of that."""
    return isinstance(command, SendRequest) and command.method == "SUBSCRIBE"


def _mailbox_named(difference: Difference) -> bool:
    """The user calls the contact of that name, and all that differs is who that is."""
    event = difference.recorded.event
    to = event.iq.to if isinstance(event, SessionInitiated) else event.to if isinstance(event, CallProposed) else ""
    is_named = mailbox_address.is_meant(local_of(to) or "") and difference.before.mailbox is not None
    return is_named and _unaddressed(difference.then) == _unaddressed(difference.now)


def _unaddressed(issued: tuple[Issued, ...]) -> list[Issued]:
    """Return commands without the address that is called."""
    return [replace(each, command=_without_address(each.command)) for each in issued]


def _without_address(command: Command) -> Command:
    match command:
        case SendRequest(recipient=recipient):
            return replace(command, uri="", recipient=replace(recipient, uri=""))
        case RecordBegun():
            return replace(command, peer=None)
        case RecordDialog():
            return replace(command, recipient="")
        case _:
            return command


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.MAILBOX_ASKED.name: _mailbox_asked,
    rules.MAILBOX_NAMED.name: _mailbox_named,
}
