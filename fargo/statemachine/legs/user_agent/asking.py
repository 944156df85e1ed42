"""Asking the far end of an answered call to call another in our place (REFER, RFC 3515), and what it says of that.

Rules:

1. Only a far end is asked that names REFER in Allow (`Dialog.refers`). Whom we ask for is in Referred-By (RFC 3892).
2. The REFER is sent again once with the answer to a challenge, as any request. What else its response refuses is
   refused.
3. What becomes of it, the far end tells in notices (NOTIFY) with the first line of a response (RFC 3420). Each gets
   200, as any request that we understand. Without a REFER there is nothing to tell of: 481.
"""

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.user_agent import authentication, dialog, texts
from fargo.statemachine.legs.user_agent.phases import Confirmed
from fargo.statemachine.model.sip_messages import (
    SendRequest,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
)
from fargo.statemachine.model.sip_values import SipFragment, SipHeaders
from fargo.statemachine.quoting import quotable
from fargo.statemachine.reason import Reason, from_status


def ask(leg: Confirmed, uri: str, effects: Effects) -> tuple[Confirmed, str]:
    """Ask the far end to call a URI. Return the leg, and the id of the command."""
    headers = SipHeaders(refer_to=f"<{uri}>", referred_by=f"<{leg.dialog.local.uri}>")
    after, refer = dialog.request(leg.dialog, "REFER", headers, contact=True)
    return replace(leg, dialog=after, asked=True), effects.emit_pending(refer, None)


def answered(
    leg: Confirmed, event: SipResponseReceived | SipRequestUndelivered, effects: Effects
) -> tuple[Confirmed, str | bool | None]:
    """Return the leg after what has become of the REFER; and the id of the command if it was sent once more, or if it
    was accepted, or None if that is not said yet.
    """
    if isinstance(event, SipResponseReceived) and event.status < 200:
        return leg, None
    waiting = effects.pending.get(event.command)
    effects.settle(event.command)
    if isinstance(event, SipRequestUndelivered):
        return leg, False
    if event.status < 300:
        return leg, True
    sent = waiting.command if waiting else None
    anew = authentication.answered(sent, event, leg.access) if isinstance(sent, SendRequest) else None
    if anew is None:
        return leg, False
    after, refer = dialog.again(leg.dialog, anew)
    return replace(leg, dialog=after), effects.emit_pending(refer, None)


def outcome(leg: Confirmed, event: SipRequestReceived) -> Reason | bool:
    """Return what a request of the far end says of whom it has called: True if that has taken the call, or why it has
    not; False if it says neither.
    """
    if (
        event.head.method != "NOTIFY"
        or not isinstance(event.body, SipFragment)
        or not dialog.is_about(leg.dialog, event)
    ):
        return False
    status, phrase = event.body.status, event.body.phrase
    if status < 300:
        return status >= 200
    return Reason(from_status(status), texts.SAID_OF_OTHER.format(words=quotable(phrase), status=status), status)
