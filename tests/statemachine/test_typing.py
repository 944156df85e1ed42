"""Typing: chat states and notices of RFC 3994, each as the other."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.model.commands import DeliverText, ForgetText, RefuseText, SendText, ShowTyping
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.events import Event, Recorded, Restarted, TypingNoticed
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse, TextReceived
from fargo.statemachine.model.sip_values import Party, RequestHead, SipHeaders
from fargo.statemachine.texting import typing
from fargo.statemachine.unrecorded import answers

from .faulty import raises
from .registering import MD5, REGISTRAR
from .story import ALICE, DESK
from .test_texting import BOB, CAROL, Texting


class Typing(Texting):
    """A user and a phone, who write to each other."""

    def hears(
        self, active: bool = True, caller: str = "sip:bob@sip.test", connection: str | None = None
    ) -> TextReceived:
        """Return the event of a phone's notice."""
        head = RequestHead("MESSAGE", "sip:x", ("v1", "v2"), "from", "to", "c1", 1)
        name = connection or next(iter(self.user.registrations))
        return TextReceived(f"{name}-ab", name, head, REGISTRAR, Party(caller, "t"), Composing(active, 90))

    def types(self, active: bool = True, to: str = BOB) -> list[Composing]:
        """The user types, or stops. Return the notices that are sent."""
        self.tell(TypingNoticed(DESK, to, active))
        return [each.body for each in self.all(SendRequest) if isinstance(each.body, Composing)]

    def is_recorded(self, event: Event) -> bool:
        user = self.user
        return answers(fold, user, event, self.at, user.policy, user.no_room, user.draining) is None

    def able(self) -> "Typing":
        self.tell(self.hears())
        return self


def test_a_notice_of_a_phone_becomes_a_chat_state() -> None:
    story = Typing()
    for active in (True, False):
        story.tell(story.hears(active))
        assert story.all(ShowTyping) == [ShowTyping(BOB, ALICE, active, 90)]
        assert (story.statuses, story.all(DeliverText), story.all(ForgetText)) == ([200], [], [])


def test_only_the_first_needs_a_row() -> None:
    story = Typing()
    assert story.is_recorded(story.hears())
    story.able()
    for active in (True, False):
        event, user = story.hears(active), story.user
        issued = answers(fold, user, event, story.at, user.policy, user.no_room, user.draining)
        assert issued is not None
        assert {type(each.command) for each in issued} == {ShowTyping, SendResponse}
    assert story.is_recorded(replace(story.hears(), text=KeptText("in-1", 3)))
    assert not story.is_recorded(TypingNoticed(DESK, CAROL, True))
    assert not story.is_recorded(TypingNoticed(DESK, BOB, False))
    assert story.is_recorded(TypingNoticed(DESK, BOB, True))


def test_a_notice_for_nobody_is_refused() -> None:
    story = Typing()
    story.tell(story.hears(connection="7.7"))
    assert (story.statuses, story.all(ShowTyping), story.all(ForgetText)) == ([480], [], [])


def test_a_phone_is_told_only_what_it_understands() -> None:
    story = Typing()
    assert story.types() == []
    story.able()
    assert story.types(to=CAROL) == []
    assert story.types() == [Composing(True)]
    story.says(200)
    assert story.types(False) == [Composing(False)]
    story.says(200)
    assert story.types(False) == [], "nobody has to be told twice that nothing happens"


@pytest.mark.parametrize("way", ["its text", "its answer"])
def test_a_phone_that_accepts_notices_is_told(way: str) -> None:
    story = Typing()
    if way == "its answer":
        story.writes()
        story.says(200, headers=SipHeaders(composing=True))
    else:
        event = replace(story.hears(), text=KeptText("in-1", 3), headers=SipHeaders(composing=True))
        story.tell(event)
        assert story.all(DeliverText) == [DeliverText(BOB, ALICE, KeptText("in-1", 3))]
    assert story.types() == [Composing(True)]


def test_the_login_is_answered() -> None:
    story = Typing().able()
    assert story.types() == [Composing(True)]
    story.says(401, challenges=(MD5,))
    again = story.now("MESSAGE")
    assert (again.body, bool(again.credentials)) == (Composing(True), True)
    story.says(200)
    assert (story.user.texts, story.unanswered()) == ((), [])


def test_a_phone_that_refuses_is_not_told_again_and_the_client_hears_nothing() -> None:
    story = Typing().able()
    story.types()
    story.says(415)
    assert (story.all(RefuseText), story.all(SendText), story.user.texts) == ([], [], ())
    assert story.types() == []
    story.able()
    assert story.types() == [Composing(True)]


def test_a_text_goes_before_a_notice_that_waits_and_ends_the_typing() -> None:
    story = Typing().able()
    story.writes()
    assert story.types() == [], "a text is under way"
    story.writes("text-2")
    story.says(200)
    assert [each.body for _, each in story.sent_all("MESSAGE")[1:]] == [KeptText("text-2", 5)]
    story.says(200)
    assert story.types(False) == []


def test_a_text_waits_for_the_notice_before_it() -> None:
    story = Typing().able()
    story.types()
    story.writes()
    assert story.methods == []
    story.says(200)
    assert story.now("MESSAGE").body == KeptText("text-1", 5)


def test_a_restart_forgets_what_was_under_way_silently() -> None:
    story = Typing().able()
    story.types()
    story.tell(Restarted())
    assert (story.all(RefuseText), story.user.texts) == ([], ())
    assert story.user.typing.able == (BOB,)


def test_a_snapshot_has_it() -> None:
    story = Typing().able()
    story.types()
    story.says(200)
    taken = condensed(story.user)
    assert taken
    user, _, _ = fold(new(ALICE), Recorded(ALICE, 1, story.at, taken))
    assert user.typing == story.user.typing


def test_so_many_are_remembered() -> None:
    story = Typing()
    for number in range(40):
        story.tell(story.hears(caller=f"sip:p{number}@sip.test"))
    assert len(story.user.typing.able) == 32
    assert story.user.typing.able[-1] == "p39@sip.localhost"


def test_a_bug_refuses_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Typing()
    monkeypatch.setattr(typing, "understands", raises)
    story.tell(story.hears())
    assert (story.statuses, story.all(ForgetText)) == ([500], [])
