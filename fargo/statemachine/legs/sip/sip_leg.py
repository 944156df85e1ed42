"""The SIP leg of a call, independent of the engine that carries it: the core's only interface to SIP engines.

Rules:

1. Every function asks the engine that has the leg. A new engine is one more `case` in each, and its events and phases
   are members of the aliases below; mypy names the functions that do not have it yet.
2. Before a call is placed, and after its end, no engine has it: those phases are handled here.
3. What an engine can do, it says as a value: `SipCapabilities`.
4. A leg has a ``name``, by which the events of its engine refer to it (their ``channel``); None while no engine has
   it.
"""

from typing import TypeAlias, assert_never

from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Ended, LegEvent, LegEvents, Offered
from fargo.statemachine.legs.sip.capabilities import NOTHING, SipCapabilities
from fargo.statemachine.legs.sip.phases import Line, Over, Preparing
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.phases import TelepathyLeg, TelepathyPhase
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyArrival, TelepathyEvent
from fargo.statemachine.media.description import Description
from fargo.statemachine.model.sip import SipEngine
from fargo.statemachine.reason import Reason

SipLeg: TypeAlias = Preparing | TelepathyLeg | Over
SipLegEvent: TypeAlias = TelepathyEvent
SipArrival: TypeAlias = TelepathyArrival
SipStep: TypeAlias = tuple[SipLeg, LegEvents]
"""The leg after something has happened, and what the bridge should know."""


# --- beginnings


def place(line: Line, offer: Description, effects: Effects) -> SipLeg:
    """Call the line's target with the codecs and addresses of a description."""
    match line.engine:
        case "telepathy":
            return telepathy_leg.place(line, offer, effects)
        case _:
            assert_never(line.engine)


def arrived(event: SipArrival, effects: Effects) -> tuple[SipLeg, Description | Reason]:
    """Take in a call. Return the leg, and the caller's offer, or why it cannot be taken up: the leg is ending then."""
    match event:
        case TelepathyArrival():
            return telepathy_leg.arrived(event, effects)
        case _:
            assert_never(event)


def caller(event: SipArrival) -> tuple[SipUri | BadAddress, str | None]:
    """Return who calls, and the name that they give themselves, None if they give none."""
    match event:
        case TelepathyArrival():
            return telepathy_leg.caller(event)
        case _:
            assert_never(event)


# --- questions about a leg


def engine_capabilities(engine: SipEngine | None) -> SipCapabilities:
    """Return what an engine can do; None is one that this version does not know."""
    match engine:
        case "telepathy":
            return telepathy_leg.CAPABILITIES
        case None:
            return NOTHING
        case _:
            assert_never(engine)


def capabilities(leg: SipLeg) -> SipCapabilities:
    """Return what the engine that has the leg, or is to have it, can do for it."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.CAPABILITIES
        case Preparing(line):
            return engine_capabilities(line.engine)
        case Over():
            return NOTHING
        case _:
            assert_never(leg)


def is_live(leg: SipLeg) -> bool:
    """Return True if the far end is still calling or talking, or is to be called."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.is_live(leg)
        case Preparing():
            return True
        case Over():
            return False
        case _:
            assert_never(leg)


def is_held(leg: SipLeg) -> bool:
    """Return True if the far end has us on hold."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.is_held(leg)
        case Preparing() | Over():
            return False
        case _:
            assert_never(leg)


def offered(leg: SipLeg) -> Description | None:
    """Return what the caller offers, as long as the call waits for us."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.offered(leg)
        case Preparing() | Over():
            return None
        case _:
            assert_never(leg)


def deadline(leg: SipLeg) -> Deadline | None:
    """Return by when the leg must have moved on; None if it may stay as it is."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.deadline(leg)
        case Preparing() | Over():
            return None
        case _:
            assert_never(leg)


# --- what happens to a leg


def fold(leg: SipLeg, event: SipLegEvent, effects: Effects) -> SipStep:
    """Return the leg after an event that concerns it."""
    if leg.name is None:  # asked like this, as a match takes ten times as long and most events come this way
        return leg, ()
    return telepathy_leg.fold(leg, event, effects)


def tell(leg: SipLeg, leg_event: LegEvent, effects: Effects) -> SipLeg:
    """Do what an event of the other leg means for this one."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.tell(leg, leg_event, effects)
        case Preparing(line):
            match leg_event:
                case Offered(description):
                    return place(line, description, effects)
                case Ended():
                    return Over()
                case _:
                    return leg
        case Over():
            return leg
        case _:
            assert_never(leg)


def expire(leg: SipLeg, effects: Effects) -> SipStep:
    """Do what is due, as the leg's deadline has come."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.expire(leg, effects)
        case Preparing() | Over():
            return leg, ()
        case _:
            assert_never(leg)


def lost(leg: SipLeg, reason: Reason) -> SipStep:
    """End the leg because its SIP connection is lost."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.lost(leg, reason)
        case Preparing():
            return Over(), (Ended(reason),)
        case Over():
            return leg, ()
        case _:
            assert_never(leg)


# --- after a fault


def abandon(leg: SipLeg, effects: Effects) -> None:
    """End the call at once: the gateway has lost track of it."""
    match leg:
        case TelepathyPhase():
            telepathy_leg.abandon(leg.name, effects)
        case Preparing() | Over():
            pass
        case _:
            assert_never(leg)


def abandon_arrival(event: SipArrival, effects: Effects) -> None:
    """End at once a call that has come in and has no leg."""
    match event:
        case TelepathyArrival():
            telepathy_leg.abandon(event.channel, effects)
        case _:
            assert_never(event)
