"""Runs to moments that random runs hardly ever come to, mostly with a restart of the gateway.

Each was found by a random run, and is kept in as few moves as it takes.
"""

from collections.abc import Iterator

import pytest

from fargo.statemachine.legs.sip import sip_leg

from .broken import Broken
from .quirks import Quirk
from .runs import BEGINNINGS, REFERRING, WANTED, again
from .world import GATEWAY_ITSELF, RELAY, SIP, Move, step

DESK, BROWSER = "alice@localhost/desk", "alice@localhost/browser"
QUIRKS = frozenset(
    {Quirk.CRASH, Quirk.FORKING, Quirk.LOSS, Quirk.MACHINE, Quirk.RELIABLE, Quirk.CHATTER, Quirk.REFUSALS}
)


def moves(told: str) -> Iterator[Move]:
    """Yield the moves of a run, one a line."""
    for line in told.strip().splitlines():
        who, what, *about = line.strip().split("|")
        yield Move(who, what, *about)


SECOND_ANSWER_LOST = f"""
    {DESK}|call
    {DESK}|deliver
    {SIP}|ring|11.1
    {SIP}|deliver
    {DESK}|deliver
    {SIP}|ring|11.1
    {SIP}|answer|phone2
    {SIP}|answer|phone1
    {SIP}|lose it
    {SIP}|lose it
    {SIP}|lose it
    {SIP}|deliver
    {DESK}|deliver
    {GATEWAY_ITSELF}|crash
"""
ACK_LOST = f"""
    {SIP}|call|10.0
    {SIP}|deliver
    {DESK}|accept|nonce1-13
    {DESK}|deliver
    {DESK}|deliver
    {SIP}|lose it
    {DESK}|hang up|nonce1-13
    {DESK}|deliver
    {GATEWAY_ITSELF}|%s
"""
ACK_OF_OURS_LOST = f"""
    {BROWSER}|call
    {BROWSER}|deliver
    {RELAY}|deliver
    {SIP}|ring reliably|14.0
    {SIP}|answer|phone1
    {SIP}|deliver
    {SIP}|deliver, then crash
    {GATEWAY_ITSELF}|wait
"""
TAKEN_OVER = f"""
    {BROWSER}|call
    {BROWSER}|deliver
    {RELAY}|deliver
    {SIP}|ring|14.0
    {SIP}|answer|phone1
    {SIP}|time out at the edge
    {SIP}|deliver
    {SIP}|call and take over|10.0
    {RELAY}|deliver
"""
ASKED_AGAIN = f"""
    {RELAY}|deliver
    {BROWSER}|refuse
    {BROWSER}|deliver
    {RELAY}|deliver
    {SIP}|want video|phone1
"""
RUNS = {
    "another phone answers, and its answer is lost": ("sip, no relay", SECOND_ANSWER_LOST),
    "a client hangs up before the phone acknowledges": ("sip, a relay for no call", ACK_LOST % "crash"),
    "the same, and another machine takes over": ("sip, a relay for no call", ACK_LOST % "be taken over"),
    "the ACK to the answer is lost": ("sip, a relay for every call", ACK_OF_OURS_LOST),
    "another phone takes a call over that the relay has just joined": ("sip, a relay", TAKEN_OVER),
    "a phone wants video that a client has refused": ("sip, video is wanted", ASKED_AGAIN),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_invariants_hold(name: str) -> None:
    beginning, told = RUNS[name]
    path = tuple(moves(told))
    done = again({**BEGINNINGS, "sip, video is wanted": WANTED}[beginning], path, QUIRKS)
    assert done.broken is None
    assert done.path == path


def test_a_call_that_does_not_outlive_the_gateway_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_leg, "outlives_gateway", lambda leg, engine: False)
    with pytest.raises(Broken, match="calls outlive the gateway"):
        step(REFERRING["phones that transfer"], Move(GATEWAY_ITSELF, "crash"))
