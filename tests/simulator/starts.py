"""The beginnings of explorations: one call ahead, of each kind."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.paths import Policy

from .quirks import Quirk
from .world import (
    ASKING,
    ASKING_BROWSER,
    BROWSER,
    DESK,
    GATEWAY_ITSELF,
    MOBILE,
    SIP,
    Move,
    World,
    drained,
    moves,
    signed_in,
    step,
)


def _searching() -> World:
    """The user's only client is online and has yet to say what it can do."""
    world = signed_in(DESK, calls=1, away=(MOBILE,))
    for move in (
        Move(MOBILE.jid, "come online"),
        Move(MOBILE.jid, "deliver"),
        Move(DESK.jid, "go offline"),
        Move(DESK.jid, "deliver"),
    ):
        world = step(world, move)
    return world


def _called_anew() -> World:
    """A phone rings, and another machine has taken the user over."""
    world = signed_in(replace(DESK, calls=1), policy=OWN)
    for who, what in (
        *((DESK.jid, "call"), (DESK.jid, "deliver"), (SIP, "ring"), (SIP, "deliver")),
        (GATEWAY_ITSELF, "be taken over"),
    ):
        found = next(each for each in moves(world, MACHINE) if each[:2] == (who, what))
        world = step(world, found)
    return world


def _transferring() -> World:
    """A phone that a client has called has asked for a transfer."""
    world = signed_in(replace(DESK, calls=1), policy=OWN)
    for who, what in ((DESK.jid, "call"), (SIP, "ring"), (SIP, "answer"), (SIP, "transfer")):
        found = next(each for each in moves(world, frozenset({Quirk.CHATTER})) if each[:2] == (who, what))
        world = drained(step(world, found))
    return world


MACHINE: Final = frozenset({Quirk.MACHINE})
RELAY: Final = Policy(relay=True)
OWN: Final = Policy(engine="sip")
"""Our own user agent has the accounts."""

STARTS: Final[dict[str, World]] = {
    "out": signed_in(replace(DESK, calls=1)),
    "out, proposed": signed_in(replace(ASKING, calls=1)),
    "in while a client is asked": _searching(),
    "in to two": signed_in(DESK, MOBILE, calls=1),
    "in to one that asks first": signed_in(ASKING, calls=1),
    "in to both kinds": signed_in(DESK, ASKING, calls=1),
    "out, relayed": signed_in(replace(BROWSER, calls=1), policy=RELAY),
    "in, relayed": signed_in(BROWSER, calls=1, policy=RELAY),
    "in to both manners": signed_in(DESK, BROWSER, calls=1, policy=RELAY),
    "in to one that asks first, relayed": signed_in(ASKING_BROWSER, calls=1, policy=RELAY),
    "out over SIP": signed_in(replace(DESK, calls=1), policy=OWN),
    "in over SIP": signed_in(DESK, calls=1, policy=OWN),
    "out over SIP, called anew": _called_anew(),
    "out over SIP, being transferred": _transferring(),
    "out from end to end": signed_in(replace(BROWSER, calls=1), policy=OWN),
}
