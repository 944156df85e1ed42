"""Audio of a phone that has not answered (`bridge`, rule 7)."""

from msgspec.structs import replace

from fargo.statemachine.call import called_first, forwarding, standing, transfer
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.leg_events import Answered
from fargo.statemachine.legs.relay import moving, relay_leg
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.media.description import Description
from fargo.statemachine.model.call_records import RecordEarlyAudio


def heard(call: Call, description: Description, effects: Effects) -> Call:
    """Let the other end hear the phone before it answers (rule 7). In a direct call the client rings."""
    if call.forwarded is not None:
        return forwarding.heard_early(call, description, effects)
    if call.transfers:
        return transfer.heard_early(call, description, effects)
    if call.caller:
        return called_first.heard_early(call, description, effects)
    (session,) = sessions(call.jingle)
    relay = relay_leg.answer(call.relay, session.profile, description, effects)
    if relay is None:
        return replace(call, relay=moving.phone_described(call.relay, description, effects))
    effects.record(RecordEarlyAudio(call.id))
    return replace(call, relay=relay, early=True)


def answered(call: Call, leg_event: Answered, effects: Effects) -> Call:
    """Tell the relay what the phone describes in its answer, and the phone what the client has done since (rule 7)."""
    relay = moving.phone_described(call.relay, leg_event.description, effects)
    call = replace(call, relay=relay, early=False)
    for each in standing.of_client(call):
        call = replace(call, sip=sip_leg.tell(call.sip, each, effects))
    return call
