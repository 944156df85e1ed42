"""The end of a call on the SIP side: hanging up, and the reason if the far end or its server ended it."""

from typing import assert_never

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.telepathy import sip_reason, texts
from fargo.statemachine.legs.telepathy.phases import (
    Answering,
    Arriving,
    AwaitingMedia,
    Dialling,
    Ending,
    Talking,
    TelepathyLeg,
)
from fargo.statemachine.model.call1 import CallStateChanged, HangUp
from fargo.statemachine.reason import Cause, Reason


def hang_up(channel: str, reason: Reason, effects: Effects) -> Ending:
    """End the call by the CANCEL, refusal or BYE that its dialog needs."""
    effects.emit(HangUp(channel, sip_reason.refusal(reason), reason.text))
    return Ending(channel, effects.at)


def cause_of_end(leg: TelepathyLeg, event: CallStateChanged) -> Reason:
    """Return why the far end, or its server, ended the call.

    The manager signals BYE and CANCEL alike; the phase tells them apart.
    """
    match leg:
        case Talking():
            return sip_reason.hung_up(event)
        case Dialling(domain=domain, rings=rings):
            return sip_reason.failure(domain, event, rings is not None)
        case Arriving():
            return Reason(Cause.CANCELLED, texts.CALLER_GAVE_UP)
        case AwaitingMedia() | Answering() | Ending():
            return Reason(Cause.HUNG_UP)
        case _:
            assert_never(leg)
