"""A run: moves drawn one after the other, then the world's end; and how to shorten one that fails."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.requests import CallNumber, SetBusy, SetForward, TransferCall
from fargo.statemachine.model.sip import ENGINES, SipEngine

from .broken import Broken, Entry
from .ending import finish
from .quirks import NONE, Quirk
from .world import (
    ASKING,
    ASKING_BROWSER,
    BROWSER,
    DESK,
    MOBILE,
    SIP,
    SOFTPHONE,
    Move,
    World,
    asked_for,
    drained,
    entries,
    moves,
    signed_in,
    step,
)

Draw = Callable[[list[Move]], Move]

_FEW: Final = 0.25
# How often a move is drawn against others, which have 8: what ends much is rare, or runs would never get anywhere.
_WEIGHTS: Final = {
    "deliver": 64, "call": 16, "propose": 16, "answer": 32, "accept": 32, "proceed": 32, "agree": 16,
    "info dtmf": 16, "restart ICE": 16, "modify transport-info": 4,
    "add video": 16, "want video": 16, "take video": 32, "turn the camera": 16, "turn its camera": 16,
    "leave out video": 2,
    "info hold": 16, "info unhold": 16, "hold": 16, "resume": 16, "move": 16, "change codecs": 16,
    **dict.fromkeys(
        ("hang up", "cancel", "decline", "busy", "reject", "retract", "not found", "not acceptable", "unreachable",
         "come online", "go offline", "crash", "stop", "deliver, then crash", "lose the stream",
         "restart the XMPP server", "be taken over", "deliver, then be taken over", "die", "turn zombie",
         "register", "register another", "register nonsense", "send nonsense", "ask", "probe", "subscribe",
         "unsubscribe", "forget", "fail", "refuse", "call again", "accept again", "answer with strange codecs",
         "accept with strange codecs",
         "accept in another manner", "refuse the change", "not understand",
         "change to strange codecs", "refuse it", "keep silent"), 1
    ),
}  # fmt: skip
_RARELY: Final = 1
"""A wait, while something is under way: hardly anything takes as long as a deadline."""


class Run(Struct, frozen=True):
    """The moves after a start, and the recorded entries; `broken` is the invariant that did not hold, None if all
    did.
    """

    start: World
    path: tuple[Move, ...]
    log: tuple[Entry, ...]
    broken: Broken | None


def _plain(policy: Policy) -> World:
    """A user with three clients that speak plain RTP, and calls ahead, both ways, proposed or not."""
    return signed_in(replace(DESK, calls=2), MOBILE, replace(ASKING, calls=1), calls=2, policy=policy)


def _mixed(policy: Policy) -> World:
    """The same, with clients of each manner."""
    clients = (replace(DESK, calls=1), replace(BROWSER, calls=2), SOFTPHONE, replace(ASKING_BROWSER, calls=1))
    return signed_in(*clients, calls=2, policy=policy)


def _beginnings(engine: SipEngine) -> dict[str, World]:
    """The same for either engine."""
    return {
        f"{engine}, no relay": _plain(Policy(engine=engine)),
        f"{engine}, a relay": _mixed(Policy(relay=True, engine=engine)),
        f"{engine}, a relay for every call": _mixed(Policy("relay", relay=True, engine=engine, early="always")),
        f"{engine}, a relay for no call": _mixed(Policy("direct", relay=True, engine=engine)),
    }


FROM_END_TO_END: Final = _mixed(Policy(relay=True, engine="sip", end_to_end="always"))
_SEEING: Final = signed_in(
    replace(DESK, calls=1),
    replace(BROWSER, calls=2, sees=True),
    SOFTPHONE,
    replace(ASKING_BROWSER, calls=1, sees=True),
    calls=2,
    policy=Policy(relay=True, engine="sip", video=True),
)
BEGINNINGS: Final = {
    **{name: world for engine in ENGINES.values() for name, world in _beginnings(engine).items()},
    "sip, a relay, but phones are offered DTLS": FROM_END_TO_END,
    "sip, a relay, and video": _SEEING,
}


FORWARDING: Final = asked_for(_plain(Policy(engine="sip")), SetForward("+44 1632 960111"))
"""A user whose calls are forwarded."""


def _joined(world: World) -> World:
    """The world after a call was forwarded as its user is busy, and answered."""
    for what in ("call", "deliver", "ring", "deliver", "answer", "deliver", "deliver"):
        about = next((about for move, about in world.sip.moves(NONE) if move == what), "")
        world = step(world, Move(SIP, what, about))
    return world


JOINED: Final = _joined(asked_for(FORWARDING, SetBusy(True)))
"""Two phones that are joined."""
CALLED_BACK: Final = asked_for(_mixed(Policy(relay=True, engine="sip")), CallNumber("+44 1632 960222"))
"""A user who has asked for a call."""


def _talking(world: World, calls: int) -> World:
    """The world after so many calls of its clients were answered."""
    for _ in range(calls):
        caller = next(each for each in world.clients if each.calls and not each.asks_first)
        world = drained(step(world, Move(caller.jid, "call")))
        for what in ("ring", "answer"):
            about = next(about for move, about in world.sip.moves(NONE) if move == what)
            world = drained(step(world, Move(SIP, what, about)))
    return world


TRANSFERRING: Final = {
    name: asked_for(_talking(beginning(Policy(relay=relay, engine="sip")), calls), TransferCall(number))
    for name, beginning, relay, calls, number in (
        ("transferred", _plain, False, 1, "+44 1632 960333"),
        ("transferred, a relay", _mixed, True, 1, "+44 1632 960333"),
        ("two joined", _plain, False, 2, None),
        ("two joined, a relay", _mixed, True, 2, None),
    )
}
"""Users who transfer a call."""


SEEING: Final = _talking(
    signed_in(replace(BROWSER, calls=1, sees=True), policy=Policy(relay=True, engine="sip", video=True)), 1
)
"""A user in a call that may have video."""
WANTED: Final = step(step(SEEING, Move(SIP, "want video", "phone1")), Move(SIP, "deliver"))
"""The same, whose phone offers video."""


def _seen(world: World) -> World:
    """The world after its client has added video to its call, and the phone has taken it."""
    world = drained(step(world, next(each for each in moves(world, CHATTER) if each.what == "add video")))
    return drained(step(world, next(each for each in moves(world, CHATTER) if each.what == "agree")))


CHATTER: Final = frozenset({Quirk.CHATTER})
SEEN: Final = _seen(SEEING)
"""A user in a call with video, which may be transferred, held, and taken over, among other things."""
REFERRING: Final = {
    "phones that transfer": _talking(_plain(Policy(engine="sip")), 1),
    "phones that transfer, a relay": _talking(_mixed(Policy(relay=True, engine="sip")), 1),
}
"""Users who talk to a phone, which may transfer the call, or another take it over, among other things."""


def at_random(random: Random) -> Draw:
    """Draw by weight."""
    return lambda found: random.choices(found, weights(found))[0]


def some_quirks(random: Random) -> frozenset[Quirk]:
    """A few of them: a run with all hardly ever gets anywhere."""
    return frozenset(quirk for quirk in Quirk if random.random() < _FEW)


def weights(found: list[Move]) -> list[int]:
    """Return the weight with which each move is drawn."""
    busy = any(move.what == "deliver" for move in found)
    return [_RARELY if busy and move.what == "wait" else _weight(move.what) for move in found]


def _weight(what: str) -> int:
    kind = what.partition(" ")[0]
    return _WEIGHTS.get(what, 1 if kind in ("info", "modify", "sign") and what != "sign in" else 8)


def a_beginning(random: Random) -> World:
    """One of them."""
    return BEGINNINGS[random.choice(list(BEGINNINGS))]


def a_beginning_of(engine: SipEngine, random: Random) -> World:
    """One with that engine."""
    return random.choice(list(_beginnings(engine).values()))


def run(start: World, draw: Draw, quirks: frozenset[Quirk], length: int) -> Run:
    """Make so many moves, then come to the end."""
    return _run(start, lambda world: draw(list(moves(world, quirks))), quirks, length)


def again(start: World, path: Sequence[Move], quirks: frozenset[Quirk]) -> Run:
    """Make these moves, as far as there still are such, then come to the end. What a move was about may have another
    name now, or be something else of the kind.
    """
    left = iter(path)

    def following(world: World) -> Move | None:
        possible = {move[:2]: move for move in moves(world, quirks)} | {move: move for move in moves(world, quirks)}
        return next((found for move in left if (found := possible.get(move) or possible.get(move[:2]))), None)

    return _run(start, following, quirks, len(path))


def _run(start: World, draw: Callable[[World], Move | None], quirks: frozenset[Quirk], length: int) -> Run:
    world, path = start, []
    try:
        for _ in range(length):
            move = draw(world)
            if move is None:
                break
            path.append(move)
            world = step(world, move)
        world = finish(world, quirks)
    except Broken as broken:
        return Run(start, tuple(path), broken.log, broken)
    return Run(start, tuple(path), entries(world), None)


def shortest(failed: Run, quirks: frozenset[Quirk]) -> Run:
    """The run without the moves that it fails without just as well."""
    assert failed.broken
    rule, size = failed.broken.rule, len(failed.path)
    while size:
        for start in range(len(failed.path) - size, -1, -1):
            shorter = again(failed.start, (*failed.path[:start], *failed.path[start + size :]), quirks)
            if shorter.broken and shorter.broken.rule == rule:
                failed = shorter
        size //= 2
    return failed
