"""Hold by our end: what the client wants, and what the manager has been asked for.

Rules:

1. One re-INVITE at a time. The manager ends, with all calls of all users, if it makes one while it has not handled one
   of the phone. So the adapter asks the edge first, and puts `HoldPostponed` if one of either end is under way. The
   request is repeated after a pause. No message has crossed another by then, so the pause needs no random time.
2. The manager does not take the phone off hold while the phone holds us, but when the phone resumes, at a time that
   nobody knows. So it is asked for that after the phone has resumed.
3. Each request has an outcome, `HoldStateChanged` or `HoldPostponed`, and the next one waits for it. What the client
   wants may change meanwhile: only the last of it counts.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.telepathy.phases import Talking
from fargo.statemachine.model.call1 import RequestHold

_PAUSE: Final = 0.25
"""Seconds."""


def want(leg: Talking, hold: bool, effects: Effects) -> Talking:
    """Handle that the client holds or resumes."""
    return _request(replace(leg, hold=hold), effects)


def settled(leg: Talking, effects: Effects) -> Talking:
    """Handle that the manager has taken up a request."""
    return _request(replace(leg, asking=False), effects)


def postponed(leg: Talking, effects: Effects) -> Talking:
    """Handle that a request has not reached the manager (rule 1)."""
    return replace(leg, on_hold=not leg.on_hold, asking=False, again=effects.at + _PAUSE)


def phone_changed(leg: Talking, held: bool, effects: Effects) -> Talking:
    """Handle that the phone has us on hold, or no more (rule 2)."""
    return _request(replace(leg, held=held), effects)


def retry(leg: Talking, effects: Effects) -> Talking:
    """Handle that the pause after a postponed request is over."""
    return _request(replace(leg, again=None), effects)


def _request(leg: Talking, effects: Effects) -> Talking:
    """Ask the manager for what the client wants, if that is something else and can be asked for now."""
    waits = leg.asking or leg.again is not None or (leg.held and not leg.hold)
    if waits or leg.hold == leg.on_hold:
        return leg
    effects.emit(RequestHold(leg.name, leg.hold))
    return replace(leg, on_hold=leg.hold, asking=True)
