"""Asking a phone to place the call that its own is transferred to. Only our own user agent can, in a call that is
answered, and only if the phone understands it.
"""

from fargo.statemachine.address import SipUri
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.sip_leg import SipLeg, SipLegEvent
from fargo.statemachine.legs.user_agent import asking
from fargo.statemachine.legs.user_agent.phases import Confirmed
from fargo.statemachine.model.sip_messages import SipRequestReceived, SipRequestUndelivered, SipResponseReceived
from fargo.statemachine.reason import Reason


def understands(leg: SipLeg) -> bool:
    """Return True if the phone can be asked."""
    return isinstance(leg, Confirmed) and leg.dialog.refers


def ask(leg: SipLeg, target: SipUri, effects: Effects) -> tuple[SipLeg, str]:
    """Ask the phone (`understands`) to call an address. Return the leg, and the id of the command."""
    assert isinstance(leg, Confirmed), "it can be asked"
    return asking.ask(leg, str(target), effects)


def answered(leg: SipLeg, event: SipLegEvent, effects: Effects) -> tuple[SipLeg, str | bool | None]:
    """Return the leg after an event that answers the question; and the id of the command if it was asked once more, or
    if it was accepted, or None if that is not said yet.
    """
    assert isinstance(event, SipResponseReceived | SipRequestUndelivered), "it answers a command"
    if isinstance(leg, Confirmed):
        return asking.answered(leg, event, effects)
    effects.settle(event.command)
    return leg, False


def outcome(leg: SipLeg, event: SipLegEvent) -> Reason | bool:
    """Return what an event says of whom the phone has called: True if that has taken the call, or why it has not; False
    if it says neither.
    """
    if not isinstance(leg, Confirmed) or not isinstance(event, SipRequestReceived):
        return False
    return asking.outcome(leg, event)
