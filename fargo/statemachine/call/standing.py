"""The doings of an end of a call, for another that could not be told when they happened: hold, and what it does with
video. All else is in the end's description.
"""

from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.leg_events import Held, LegEvents, VideoDirected
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow


def of_client(call: Call) -> LegEvents:
    """Return what the phone has to be told of the client."""
    return _told(jingle_leg.holds(call.jingle), jingle_leg.flow(call.jingle))


def of_phone(call: Call) -> LegEvents:
    """Return what the client has to be told of the phone."""
    return _told(sip_leg.is_held(call.sip), sip_leg.flow(call.sip))


def _told(holds: bool, flow: VideoFlow) -> LegEvents:
    held: LegEvents = (Held(),) if holds else ()
    return held if flow == BOTH_WAYS else (*held, VideoDirected(flow))
