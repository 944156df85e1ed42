"""The doings of an end of a call, for another that could not be told when they happened: hold, and what it does with
video. All else is in the end's description.
"""

from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.leg_events import LegEvents, standing
from fargo.statemachine.legs.sip import sip_leg


def of_client(call: Call) -> LegEvents:
    """Return what the phone has to be told of the client."""
    return standing(jingle_leg.holds(call.jingle), jingle_leg.flow(call.jingle))


def of_phone(call: Call) -> LegEvents:
    """Return what the client has to be told of the phone."""
    return standing(sip_leg.is_held(call.sip), sip_leg.flow(call.sip))
