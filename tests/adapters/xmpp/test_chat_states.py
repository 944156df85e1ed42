"""Typing, from clients and for them (XEP-0085)."""

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import chat_states
from fargo.adapters.xmpp.chat_states import ChatStates
from fargo.adapters.xmpp.stanza import NS_CHAT_STATES, NS_HINTS, make, make_stanza
from fargo.limits.rejection import Rejection
from fargo.statemachine.model.commands import Issued, ShowTyping
from fargo.statemachine.model.events import TypingNoticed

from .bench import USER, Bench
from .elements import parse

ALICE, BOB = "alice@localhost", "bob@sip.localhost"


def message(*states: str, to: str = f"{BOB}/fargo") -> Element:
    return make_stanza("message", f"{ALICE}/desk", to, *(make(each, NS_CHAT_STATES) for each in states), type="chat")


@pytest.mark.parametrize(
    ("state", "active"),
    [("composing", True), ("paused", False), ("active", False), ("inactive", False), ("gone", False)],
)
def test_a_state_is_an_event(state: str, active: bool) -> None:
    assert chat_states.event(message(state)) == TypingNoticed(f"{ALICE}/desk", BOB, active)


@pytest.mark.parametrize(
    "other", [message(), message("sleeping"), message("active", "paused"), message("composing", to="sip.localhost")]
)
def test_what_is_no_state_of_a_conversation_is_no_event(other: Element) -> None:
    assert chat_states.event(other) is None


def states(sent: list[Element]) -> list[str]:
    return [next(each.name for each in one.elements() if each.uri == NS_CHAT_STATES) for one in sent]


def test_a_state_is_shown_and_not_stored() -> None:
    sent: list[Element] = []
    shown = ChatStates(sent.append, Clock().callLater)
    shown.show(ShowTyping(BOB, ALICE, True, 60), "1.0")
    shown.show(ShowTyping(BOB, ALICE, False, 60), "1.1")
    assert states(sent) == ["composing", "paused"]
    for each in sent:
        assert (each["from"], each["to"], each["type"], each.body) == (BOB, ALICE, "chat", None)
        assert {(child.uri, child.name) for child in each.elements()} > {(NS_HINTS, "no-store")}
        assert len(list(each.elements())) == 2
    assert len({each["id"] for each in sent}) == 2


def test_who_says_nothing_more_is_believed_for_a_while() -> None:
    sent: list[Element] = []
    clock = Clock()
    shown = ChatStates(sent.append, clock.callLater)
    shown.show(ShowTyping(BOB, ALICE, True, 60), "1.0")
    clock.advance(50)
    shown.show(ShowTyping(BOB, ALICE, True, 60), "2.0")
    clock.advance(50)
    assert states(sent) == ["composing", "composing"]
    clock.advance(10)
    assert states(sent)[2:] == ["active"]
    clock.advance(1000)
    assert len(sent) == 3


def test_what_follows_ends_the_waiting() -> None:
    sent: list[Element] = []
    clock = Clock()
    shown = ChatStates(sent.append, clock.callLater)
    paused = ShowTyping(BOB, ALICE, False, 60)
    ending: tuple[Callable[[], None], ...] = (
        lambda: shown.show(paused, "2.0"),
        lambda: shown.over(BOB, ALICE),
        shown.stop,
    )
    for end in ending:
        shown.show(ShowTyping(BOB, ALICE, True, 60), "1.0")
        end()
        sent.clear()
        clock.advance(100)
        assert sent == []


def test_the_adapter_puts_and_shows_states(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    state = f"<message type='chat' from='{USER}/a' to='{BOB}'><composing xmlns='{NS_CHAT_STATES}'/></message>"
    bench.receive(parse(state))
    assert bench.events == [(USER, TypingNoticed(f"{USER}/a", BOB, True))]
    bench.adapter.do(Issued(USER, "1.0", ShowTyping(BOB, USER, False, 60)))
    assert states(bench.wire.sent) == ["paused"]
    bench.events.clear()
    bench.wire.sent.clear()
    monkeypatch.setattr(bench.admission, "event", lambda *_: Rejection("wait", "policy-violation", "Too many."))
    bench.receive(parse(state))
    assert (bench.events, bench.wire.sent) == ([], [])
