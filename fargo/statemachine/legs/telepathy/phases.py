"""The phases of the Telepathy leg."""

from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.legs.leg_events import LegEvents
from fargo.statemachine.legs.sip.phases import Over
from fargo.statemachine.media.description import Candidate, Codec, Description
from fargo.statemachine.media.paths import RING_SECONDS


class TelepathyPhase(Struct, frozen=True, gc=False):
    """The base of all phases. ``name`` is that of the Telepathy channel (`call1`, rule 1)."""

    name: str


class Dialling(TelepathyPhase, frozen=True, gc=False):
    """We have placed the call, and it is not answered. ``domain`` is whose SIP server responds.

    ``ring_seconds``: how long it may ring. ``rings``: the time at which the phone began to ring; None if it does not.
    ``codecs``, ``candidates``: what the manager has signalled so far of the answer; ``codecs`` is None until it does.
    """

    domain: str
    offer: Description
    since: float
    codecs: tuple[Codec, ...] | None = None
    candidates: tuple[Candidate, ...] = ()
    ring_seconds: int = RING_SECONDS
    rings: float | None = None


class AwaitingMedia(TelepathyPhase, frozen=True, gc=False):
    """The call that we placed is answered, but the manager has not signalled all of the answer: see `Dialling`."""

    domain: str
    offer: Description
    since: float
    codecs: tuple[Codec, ...] | None
    candidates: tuple[Candidate, ...]


class Arriving(TelepathyPhase, frozen=True, gc=False):
    """A call has come in and waits for our answer. ``ringing``: the caller has been told that a client rings.
    ``ring_seconds``: how long it may wait.
    """

    offer: Description
    since: float
    ringing: bool = False
    ring_seconds: int = RING_SECONDS


class Answering(TelepathyPhase, frozen=True, gc=False):
    """We have accepted the incoming call, and our answer has not left.

    ``agreed``: see `Talking`. ``hold``: the client wants the caller on hold once the answer has left.
    """

    agreed: Description
    since: float
    hold: bool = False


class Talking(TelepathyPhase, frozen=True, gc=False):
    """The dialog is established.

    ``agreed``: the codecs, and where the far end wants audio. ``held``: the far end has us on hold.

    For our hold see `holding`. ``hold``: the client wants the far end on hold. ``on_hold``: what the manager was asked
    for last; ``asking``: the outcome of that is open. ``again``: when a postponed request is to be repeated.
    """

    agreed: Description
    held: bool = False
    hold: bool = False
    on_hold: bool = False
    asking: bool = False
    again: float | None = None


class Ending(TelepathyPhase, frozen=True, gc=False):
    """We have hung up, and the manager has not said that the call is ended."""

    since: float


TelepathyLeg: TypeAlias = Dialling | AwaitingMedia | Arriving | Answering | Talking | Ending
TelepathyStep: TypeAlias = tuple[TelepathyLeg | Over, LegEvents]
"""The leg after something has happened, and what the bridge should know."""
