"""The calls that are about to end for somebody, so that a restart of the gateway may be when they do."""

from typing import Final

from fargo.statemachine.call.call_state import sip_legs
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    Releasing,
    UacCancelling,
    UasRefused,
    UasReleasing,
)
from fargo.statemachine.user_state import User

from .phone import Phone
from .provider import Provider

_ENDING: Final = Lingering | Releasing | UacCancelling | UasRefused | UasReleasing


def is_parting(sip: Provider, user: User) -> bool:
    """Return True if an end has left a call of which the other, or the gateway, has not heard; or if a phone has
    answered that the call does not go on with.
    """
    legs = [leg for call in user.calls.values() for leg in sip_legs(call)]
    lone = (each for each in sip.phones if each.phase in ("calling", "answered", "talking"))
    dialogs = {each.dialog for each in sip.phones if each.phase != "leaving"}
    return (
        any(each.phase == "leaving" for each in sip.phones)
        or not all(any(_may_go_on(leg, phone) for leg in legs) for phone in lone)
        or any(isinstance(leg, Confirmed) and leg.name not in dialogs for leg in legs)
    )


def _may_go_on(leg: SipLeg, phone: Phone) -> bool:
    """Return True if a leg is that with a phone, and has not been told to end."""
    if leg.name != phone.dialog or isinstance(leg, _ENDING):
        return False
    return not isinstance(leg, Confirmed) or leg.dialog.remote.tag == phone.tag
