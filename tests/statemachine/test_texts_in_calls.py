"""Texts that a phone sends within the dialog of a call (RFC 3428 §7)."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import user_agent_leg
from fargo.statemachine.model.commands import DeliverText, ForgetText
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_values import OtherBody

from .faulty import raises
from .forwarding import Forwarding
from .story import ALICE, PCMU
from .user_agent.phone import Phoning, sdp

TEXT = KeptText("in-1", 3)
BOB = "bob@sip.localhost"


def ringing(story: Phoning) -> Phoning:
    story.calls()
    story.responds(180, "Ringing")
    return story


def called(story: Phoning) -> Phoning:
    story.invites()
    return story


@pytest.mark.parametrize("begin", [Phoning.talking, Phoning.called, ringing, called], ids=["out", "in", "early", "new"])
def test_a_text_is_of_the_one_with_whom_the_user_talks(begin: Callable[[Phoning], Phoning]) -> None:
    story = begin(Phoning())
    before = story.user.calls.keys()
    story.sends("MESSAGE", TEXT)
    assert (story.all(DeliverText), story.all(ForgetText)) == ([DeliverText(BOB, ALICE, TEXT)], [])
    assert (story.statuses, story.user.calls.keys()) == ([200], before)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"remote_tag": "other"}, 481),
        ({"leg": "nobody"}, 481),
    ],
)
def test_a_text_of_another_dialog_is_refused_and_forgotten(change: dict[str, str], status: int) -> None:
    story = Phoning().talking()
    story.sends("MESSAGE", TEXT, **change)
    assert (story.statuses, story.all(ForgetText), story.all(DeliverText)) == ([status], [ForgetText("in-1")], [])


def test_a_text_that_was_overtaken_is_refused_and_forgotten() -> None:
    story = Phoning().talking()
    late = story.head("MESSAGE", call_id=story.of_dialog()[1])
    story.sends("OPTIONS")
    story.sends("MESSAGE", TEXT, head=late)
    assert (story.statuses, story.all(ForgetText), story.all(DeliverText)) == ([500], [ForgetText("in-1")], [])


def test_what_is_no_text_is_refused() -> None:
    story = Phoning().talking()
    story.sends("MESSAGE", OtherBody("text/plain", 3))
    assert (story.statuses, story.all(DeliverText)) == ([405], [])


def test_a_text_after_the_end_is_refused_and_forgotten() -> None:
    story = Phoning().talking()
    dialog, call_id = story.of_dialog()
    story.sends("BYE")
    story.sends("MESSAGE", TEXT, leg=dialog, head=story.head("MESSAGE", call_id=call_id))
    assert (story.statuses, story.all(ForgetText)) == ([481], [ForgetText("in-1")])


def test_a_text_of_a_phone_that_a_call_was_forwarded_to_is_refused() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU))
    story.answers(sdp(PCMU), remote_tag="target")
    story.acknowledges()
    story.target_sends("MESSAGE", TEXT)
    assert (story.statuses, story.all(ForgetText), story.all(DeliverText)) == ([405], [ForgetText("in-1")], [])
    story.remote_tag = "bob"
    story.sends("MESSAGE", replace(TEXT, name="in-2"))
    assert [each.text.name for each in story.all(DeliverText)] == ["in-2"], "the caller may write"


def test_a_bug_loses_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Phoning().talking()
    monkeypatch.setattr(user_agent_leg, "takes_text", raises)
    story.sends("MESSAGE", TEXT)
    assert (story.statuses[0], story.all(ForgetText), story.all(DeliverText)) == (500, [ForgetText("in-1")], [])
