"""The beginnings of explorations: one call ahead, of each kind."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.paths import Policy

from .world import ASKING, ASKING_BROWSER, BROWSER, DESK, MOBILE, Move, World, signed_in, step


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
    "out from end to end": signed_in(replace(BROWSER, calls=1), policy=OWN),
}
