"""A bug in the leg costs the call that it happens in: both ends are told, and nobody waits for a response."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from fargo.statemachine import texts
from fargo.statemachine.legs.user_agent import called, user_agent_leg
from fargo.statemachine.machine import deadlines
from fargo.statemachine.model.commands import Fault, TerminateSession
from fargo.statemachine.reason import Cause, Reason

from .phone import Phoning
from .test_totality import PHASES, calling, proceeding, refused, releasing, releasing_early, ringing, talking

GOODBYES = {
    calling: ["CANCEL"],
    proceeding: ["CANCEL"],
    ringing: [500],
    talking: ["BYE"],
}
ABANDONED = {**GOODBYES, releasing_early: ["BYE"], refused: [], releasing: []}


def bug(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("a bug")


def goodbyes(story: Phoning) -> list[str | int]:
    """The messages that end the call, without the response to the event that has failed."""
    failed = [500] if story.all(Fault) and story.statuses[:1] == [500] else []
    return [*story.methods, *story.statuses[len(failed) :]]


@pytest.mark.parametrize(("begin", "expected"), GOODBYES.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_call_ends_at_both_ends(
    begin: Callable[[], Phoning], expected: list[str | int], monkeypatch: pytest.MonkeyPatch
) -> None:
    story = begin()
    with monkeypatch.context() as broken:
        broken.setattr(user_agent_leg, "fold", bug)
        story.sends("INFO")
    [fault] = story.all(Fault)
    assert fault.call == next(iter(story.user.calls))
    assert goodbyes(story) == expected
    assert story.all(TerminateSession)
    assert story.ended == Reason(Cause.FAULT, texts.FAULT_IN_CALL)


def test_a_request_that_could_not_be_handled_gets_a_response(monkeypatch: pytest.MonkeyPatch) -> None:
    story = talking()
    with monkeypatch.context() as broken:
        broken.setattr(user_agent_leg, "fold", bug)
        story.sends("INFO")
    assert story.statuses == [500]
    story = talking()
    with monkeypatch.context() as broken:
        broken.setattr(user_agent_leg, "fold", bug)
        story.sends("ACK")
    assert story.statuses == []


@pytest.mark.parametrize(("begin", "expected"), ABANDONED.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_call_that_cannot_be_ended_is_abandoned(
    begin: Callable[[], Phoning], expected: list[str | int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is said until it is heard all the same."""
    story = begin()
    with monkeypatch.context() as broken:
        broken.setattr(user_agent_leg, "fold", bug)
        broken.setattr(user_agent_leg, "tell", bug)
        story.sends("INFO")
    assert not story.user.calls
    assert [each for each in goodbyes(story) if each not in (481,)] == expected
    for _ in range(100):
        if not [due for due in deadlines(story.user) if due.name.startswith("call")]:
            break
        story.pass_time()
    assert story.unanswered() == []


def test_an_abandoned_call_says_goodbye_until_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    story = talking()
    with monkeypatch.context() as broken:
        broken.setattr(user_agent_leg, "fold", bug)
        broken.setattr(user_agent_leg, "tell", bug)
        story.sends("INFO")
    story.responds(408, to="BYE", by_edge=True)
    story.pass_time()
    assert story.methods == ["BYE"]
    story.responds(200, to="BYE")
    assert story.unanswered() == []


def test_a_call_that_cannot_be_taken_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Phoning()
    with monkeypatch.context() as broken:
        broken.setattr(called, "arrived", bug)
        story.invites()
    assert story.statuses == [500]
    assert story.unanswered() == ["500"]
    story.acknowledges()
    assert story.unanswered() == []


@pytest.mark.parametrize("begin", PHASES, ids=lambda begin: begin.__name__)
def test_a_bug_in_waiting_ends_the_call(begin: Callable[[], Phoning], monkeypatch: pytest.MonkeyPatch) -> None:
    story = begin()
    with monkeypatch.context() as broken:
        broken.setattr(user_agent_leg, "expire", bug)
        for _ in range(20):
            if story.all(Fault) or not deadlines(story.user):
                break
            story.pass_time()
    for _ in range(100):
        if not [due for due in deadlines(story.user) if due.name.startswith("call")]:
            break
        story.pass_time()
    assert not story.user.calls or not [due for due in deadlines(story.user) if due.name.startswith("call")]


def test_an_abandoned_call_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    story = proceeding()
    name, _ = story.sent_all("INVITE")[0]
    with monkeypatch.context() as broken:
        broken.setattr(user_agent_leg, "fold", bug)
        broken.setattr(user_agent_leg, "tell", bug)
        story.sends("INFO")
    assert story.now("CANCEL").dialog == name
