"""The listed changes about transfers, and the comparison of commands apart from what we say that we can do."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest, SendResponse, SipRequestReceived
from fargo.statemachine.model.sip_values import SipHeaders
from replay.verifying.difference import Difference, Explains

_ALLOW: Final = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER")
_SUPPORTED: Final = ("100rel", "timer", "replaces", "norefersub")
"""The abilities that messages name since rules 10."""
_ALLOWED_BEFORE: Final = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE")
_SUPPORTED_BEFORE: Final = ("100rel", "timer")
"""The abilities that messages named before rules 10."""


def _abilities_told(difference: Difference) -> bool:
    """All that is new is that we say that calls can be transferred."""
    other = with_former_abilities(difference)
    return other is not difference and other.then == other.now


def with_former_abilities(difference: Difference) -> Difference:
    """Return the difference as if today's messages said what those of former rules said that we can do."""
    now = tuple(_as_before(each) for each in difference.now)
    return difference if now == difference.now else replace(difference, now=now)


def _as_before(issued: Issued) -> Issued:
    command = issued.command
    if not isinstance(command, SendRequest | SendResponse):
        return issued
    headers = _said_before(command.headers)
    return issued if headers == command.headers else replace(issued, command=replace(command, headers=headers))


def _said_before(headers: SipHeaders) -> SipHeaders:
    allow = _ALLOWED_BEFORE if headers.allow == _ALLOW else headers.allow
    supported = _SUPPORTED_BEFORE if headers.supported == _SUPPORTED else headers.supported
    return replace(headers, allow=allow, supported=supported)


def _transferred(difference: Difference) -> bool:
    """A phone has asked for a transfer, or claims the place of another; or it has before in that call."""
    event = difference.recorded.event
    if isinstance(event, InviteReceived) and event.headers.replaces is not None:
        return True
    if isinstance(event, SipRequestReceived) and event.head.method == "REFER":
        return True
    calls = (difference.before.calls.get(each) for each in difference.calls)
    return any(call is not None and call.transfers > 0 for call in calls)


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.ABILITIES_TOLD.name: _abilities_told,
    rules.TRANSFERS_FOLLOWED.name: _transferred,
}
