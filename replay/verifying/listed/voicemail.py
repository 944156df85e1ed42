"""The listed change about mailboxes, and the comparison of commands apart from it."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import Command, Issued
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


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.MAILBOX_ASKED.name: _mailbox_asked,
}
