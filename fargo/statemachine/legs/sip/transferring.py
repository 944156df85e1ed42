"""Transfers, as the core asks them of a SIP engine. Only our own user agent has them: with any other there are none.
Nor are there any in a call that is not answered.
"""

from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Trunk
from fargo.statemachine.legs.sip.referral import Referral
from fargo.statemachine.legs.sip.sip_leg import SipArrival, SipLeg, SipLegEvent
from fargo.statemachine.legs.user_agent import called, confirmed, referring
from fargo.statemachine.legs.user_agent import refer_to as targets
from fargo.statemachine.legs.user_agent.phases import Confirmed, UasProceeding
from fargo.statemachine.media.description import Description
from fargo.statemachine.model.sip_messages import InviteReceived, SipRequestReceived


def referral(leg: SipLeg, event: SipLegEvent) -> Referral | None:
    """Return the transfer that the far end asks for; None if the event is about something else, or is refused whatever
    it asks for.
    """
    # Each event of a phone comes this way, and isinstance is slow for a Struct of another class.
    if type(event) is not SipRequestReceived or type(leg) is not Confirmed:
        return None
    return referring.referral(leg, event)


def named(refer_to: str, trunk: Trunk | None) -> SipUri | BadAddress:
    """Return whom the value of a Refer-To header names, or why it names nobody. ``trunk``: that of the account."""
    found = targets.named(refer_to, trunk)
    return found if isinstance(found, BadAddress) else found.uri


def refuse(leg: SipLeg, event: SipLegEvent, status: int, effects: Effects) -> SipLeg:
    """Refuse a transfer (`referral`) with this status (RFC 3261 §21)."""
    assert isinstance(leg, Confirmed), "it is asked for in a call that is answered"
    assert isinstance(event, SipRequestReceived), "it is asked for by a request"
    return referring.refuse(leg, event, status, effects)


def accept(leg: SipLeg, event: SipLegEvent, effects: Effects) -> SipLeg:
    """Accept a transfer (`referral`)."""
    assert isinstance(leg, Confirmed), "it is asked for in a call that is answered"
    assert isinstance(event, SipRequestReceived), "it is asked for by a request"
    return referring.accept(leg, event, effects)


def rings(leg: SipLeg, effects: Effects) -> SipLeg:
    """Tell the far end that the one it has named rings."""
    return referring.rings(leg, effects) if isinstance(leg, Confirmed) else leg


def failed(leg: SipLeg, status: int, effects: Effects, words: str | None = None) -> SipLeg:
    """Tell the far end that the one it has named has not taken the call: with this status, and these words or those of
    the status.
    """
    return referring.failed(leg, status, effects, words) if isinstance(leg, Confirmed) else leg


def succeeded(leg: SipLeg, effects: Effects) -> SipLeg:
    """Tell the far end that another has its place, and end its call."""
    if not isinstance(leg, Confirmed):
        return leg
    return referring.succeeded(leg, effects) or confirmed.hang_up(leg, effects)


def remote(leg: SipLeg) -> Description | None:
    """Return how the far end of an answered call takes audio; None if the call is not answered."""
    return leg.session.theirs if isinstance(leg, Confirmed) else None


# --- a call that comes in, and takes over another


def takes_over(event: SipArrival) -> bool:
    """Return True if a call that comes in is to take over another (RFC 3891)."""
    return isinstance(event, InviteReceived) and event.headers.replaces is not None


def is_taken_over(leg: SipLeg, event: SipArrival) -> bool:
    """Return True if a call that comes in may take over that of a leg: it names it, that is answered, and the INVITE
    comes from the account's provider.
    """
    if not isinstance(leg, Confirmed) or not isinstance(event, InviteReceived):
        return False
    of = targets.replaces(event.headers.replaces or "")
    return of is not None and not of.early_only and of.names(leg.dialog) and event.of_provider


def can_answer(leg: SipLeg, description: Description) -> bool:
    """Return True if a call that waits for us can be answered with a description."""
    return isinstance(leg, UasProceeding) and called.can_answer(leg, description)
