"""A client that was called first, for a number that the gateway was asked to call (`calling_back`): what it hears. So
does one that a phone has left with another (`transfer`).

Rules:

1. The client is told how the phone describes itself, or the relay is: when the phone answers, or before, with early
   audio. It is not told the same twice.
2. While the phone rings, the relay plays the ringing tone to the client. Without a relay nobody can.
"""

from msgspec.structs import replace

from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.leg_events import CodecsChanged, TransportChanged
from fargo.statemachine.legs.relay import moving, relay_leg
from fargo.statemachine.media.description import Description, RawUdp
from fargo.statemachine.model.call_records import RecordEarlyAudio


def waits(call: Call) -> bool:
    """Return True if the client is in the session, and the phone has not answered."""
    return call.early and (call.caller is not None or call.transfers > 0)


def heard_early(call: Call, description: Description, effects: Effects) -> Call:
    """Let the client hear a phone that has not answered."""
    effects.record(RecordEarlyAudio(call.id))
    return described(call, description, effects)


def described(call: Call, description: Description, effects: Effects) -> Call:
    """Tell the client, or the relay, how the phone describes itself (rule 1)."""
    if relay_leg.is_used(call.relay):
        call = _rings(call, False, effects)
        return replace(call, relay=moving.phone_described(call.relay, description, effects))
    if description == call.heard:
        return call
    assert isinstance(description.transport, RawUdp), "a client that is called first is offered nothing else"
    jingle, _ = jingle_leg.tell(call.jingle, TransportChanged(description.transport, description.crypto), effects)
    jingle, _ = jingle_leg.tell(jingle, CodecsChanged(description.codecs), effects)
    return replace(call, jingle=jingle, heard=description)


def rung(call: Call, effects: Effects) -> Call:
    """Let the client hear that the phone rings (rule 2)."""
    return _rings(call, relay_leg.is_joined(call.relay), effects)


def _rings(call: Call, rings: bool, effects: Effects) -> Call:
    if rings is call.rings:
        return call
    relay_leg.ring(call.relay, rings, effects)
    return replace(call, rings=rings)
