"""Texts between the user and SIP addresses (RFC 3428, RFC 7572): what is sent, and what each side is told."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from fargo.statemachine import outgoing
from fargo.statemachine import texts as root_texts
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.user_agent import texts as sip_texts
from fargo.statemachine.machine import condensed
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import ConfirmText, DeliverText, ForgetText, RefuseText
from fargo.statemachine.model.events import (
    PolicyChanged,
    Restarted,
    RoomChanged,
    Stopping,
    SubscriptionAction,
    SubscriptionChanged,
    TextWritten,
    TimePassed,
)
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    SendRequest,
    SendResponse,
    SipRequestUndelivered,
    SipResponseReceived,
    TextReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Endpoint, Hop, Party, RequestHead
from fargo.statemachine.texting import outbox, texts

from .faulty import raises
from .registering import MD5, REGISTRAR
from .story import ALICE, DESK, Story
from .user_agent.phone import Phoning

BOB = "bob@sip.localhost"
CAROL = "carol@sip.localhost"
ROUTES = ("<sip:edge.sip.test;lr>",)
LOGIN_REFUSED = sip_texts.TEXT_LOGIN_REFUSED.format(domain="sip.test", status=401)


@dataclass
class Texting(Phoning):
    """A user who writes."""

    def __post_init__(self) -> None:
        Phoning.__init__(self, login=True, service_route=ROUTES)

    def writes(self, *parts: str, to: str = BOB, id: str | None = "m1", receipt: bool = True) -> None:
        kept = tuple(KeptText(each, 5) for each in parts or ("text-1",))
        self.tell(TextWritten(DESK, to, id, kept, receipt))

    def says(self, status: int, phrase: str = "", after: float = 1.0, **more: object) -> None:
        """The provider answers the latest MESSAGE."""
        name, request = self.sent_all("MESSAGE")[-1]
        answer = SipResponseReceived(request.dialog or name, name, "MESSAGE", status, phrase, REGISTRAR, "bob")
        self.tell(replaced(answer, **more), after)

    def gets(self, connection: str | None = None, caller: str = "sip:bob@sip.test", shown: str | None = None) -> None:
        """The provider sends a text."""
        head = RequestHead("MESSAGE", "sip:x", ("v1", "v2"), "from", "to", "c1", 1)
        name = connection or next(iter(self.user.registrations))
        self.tell(TextReceived(f"{name}-ab", name, head, REGISTRAR, Party(caller, "t", shown), KeptText("in-1", 3)))

    def forgotten(self) -> list[str]:
        return [each.name for each in self.all(ForgetText)]


def replaced(answer: SipResponseReceived, **more: object) -> SipResponseReceived:
    return SipResponseReceived(**{**{name: getattr(answer, name) for name in answer.__struct_fields__}, **more})


def test_a_text_goes_where_a_call_would_go() -> None:
    story = Texting()
    story.writes()
    sent = story.now("MESSAGE")
    assert (sent.uri, sent.recipient) == ("sip:bob@sip.test", Party("sip:bob@sip.test"))
    assert (sent.hop, sent.destination, sent.routes) == (Hop("sip.test"), REGISTRAR, ROUTES)
    assert (sent.sender.uri, sent.contact, sent.body) == ("sip:alice@sip.test", False, KeptText("text-1", 5))
    story.says(200)
    assert story.the(ConfirmText) == ConfirmText(BOB, DESK, "m1")
    assert (story.forgotten(), story.user.texts, story.unanswered()) == (["text-1"], (), [])


def test_a_number_is_written_to_as_it_is_called() -> None:
    story = Texting()
    story.tell(PolicyChanged(Policy(engine="sip", country="GB")))
    story.writes(to="01632 960000@sip.localhost".replace(" ", "\\20"))
    assert story.now("MESSAGE").uri == "sip:+441632960000@sip.test"


@pytest.mark.parametrize(("receipt", "id", "status"), [(False, "m1", 200), (True, None, 200), (True, "m1", 202)])
def test_there_is_a_receipt_only_for_what_is_delivered(receipt: bool, id: str | None, status: int) -> None:
    story = Texting()
    story.writes(id=id, receipt=receipt)
    story.says(status)
    assert (story.all(ConfirmText), story.all(RefuseText), story.user.texts) == ([], [], ())


def test_a_challenge_is_answered_once() -> None:
    story = Texting()
    story.writes()
    first = story.now("MESSAGE")
    story.says(401, challenges=(MD5,))
    again = story.now("MESSAGE")
    assert (again.cseq, again.call_id, again.sender) == (2, first.call_id, first.sender)
    assert [each.challenge for each in again.credentials] == [MD5]
    assert story.forgotten() == []
    story.says(401, challenges=(MD5,))
    assert story.the(RefuseText) == RefuseText(BOB, DESK, "m1", "auth", "forbidden", LOGIN_REFUSED)
    assert story.forgotten() == ["text-1"]


@pytest.mark.parametrize(
    ("status", "phrase", "kind", "condition", "text"),
    [
        (404, "Not Found", "cancel", "item-not-found", "sip.test says: “Not Found” (404)"),
        (480, "Away", "wait", "recipient-unavailable", "sip.test says: “Away” (480)"),
        (486, "Busy", "wait", "recipient-unavailable", "sip.test says: “Busy” (486)"),
        (603, "No", "auth", "forbidden", "sip.test says: “No” (603)"),
        (500, "Oops", "cancel", "service-unavailable", "sip.test says: “Oops” (500)"),
        (408, "", "wait", "recipient-unavailable", sip_texts.TEXT_NOT_REACHED.format(domain="sip.test", status=408)),
        (302, "", "wait", "recipient-unavailable", sip_texts.TEXT_REDIRECTED.format(domain="sip.test", status=302)),
    ],
)
def test_a_failure_is_told_in_words(status: int, phrase: str, kind: str, condition: str, text: str) -> None:
    story = Texting()
    story.writes()
    story.says(status, phrase)
    assert story.the(RefuseText) == RefuseText(BOB, DESK, "m1", kind, condition, text)
    assert (story.forgotten(), story.user.texts) == (["text-1"], ())


@pytest.mark.parametrize("status", [405, 415, 488, 501, 606])
def test_a_provider_that_takes_none_is_named(status: int) -> None:
    story = Texting()
    story.writes()
    story.says(status, "Method Not Allowed")
    refused = story.the(RefuseText)
    assert (refused.kind, refused.condition) == ("cancel", "feature-not-implemented")
    assert refused.text.startswith("The provider sip.test takes no text messages")


def test_what_was_not_sent_is_told() -> None:
    story = Texting()
    story.writes()
    [(name, _)] = story.sent_all("MESSAGE")
    story.tell(SipRequestUndelivered(name, name, Undelivered.NO_SUCH_NAME))
    assert story.the(RefuseText).text == sip_texts.NO_SUCH_SERVER.format(server="sip.test")
    story.writes()
    story.says(408, by_edge=True, source=None)
    assert story.the(RefuseText).text == sip_texts.TEXT_SERVER_SILENT
    story.writes()
    [(name, _)] = story.sent_all("MESSAGE")[-1:]
    story.tell(SipRequestUndelivered(name, name, Undelivered.SILENT))
    assert story.the(RefuseText).text == sip_texts.TEXT_SERVER_SILENT


@pytest.mark.parametrize("why", Undelivered)
def test_what_was_not_sent_is_told_in_words_for_texts(why: Undelivered) -> None:
    story = Texting()
    story.writes()
    [(name, _)] = story.sent_all("MESSAGE")
    story.tell(SipRequestUndelivered(name, name, why))
    assert not re.search(r"\bcall", story.the(RefuseText).text)


@pytest.mark.parametrize("status", [300, 302, 401, 403, 404, 405, 407, 408, 480, 503, 600])
def test_whatever_the_provider_says_is_told_in_words_for_texts(status: int) -> None:
    for by_edge in (False, True):
        story = Texting()
        story.writes()
        story.says(status, by_edge=by_edge)
        assert not re.search(r"\bcall", story.the(RefuseText).text)


def test_nobody_waits_for_ever() -> None:
    story = Texting()
    story.writes()
    story.tell(TimePassed(), 65)
    assert story.the(RefuseText).text == texts.UNANSWERED
    assert (story.user.texts, story.unanswered(), story.forgotten()) == ((), [], ["text-1"])


def test_one_text_to_an_address_is_under_way_at_a_time() -> None:
    story = Texting()
    story.writes("a")
    story.writes("b", id="m2")
    assert story.methods == []
    story.writes("c", to=CAROL, id="m3")
    assert [each.body for each in story.all(SendRequest)] == [KeptText("c", 5)]
    assert condensed(story.user) is None
    [(first, _), (other, _)] = story.sent_all("MESSAGE")
    story.tell(SipResponseReceived(first, first, "MESSAGE", 404, "Not Found", REGISTRAR, "b"))
    assert [each.body for each in story.all(SendRequest)] == [KeptText("b", 5)]
    story.says(200)
    story.tell(SipResponseReceived(other, other, "MESSAGE", 200, "OK", REGISTRAR, "b"))
    assert story.the(ConfirmText).stanza == "m3"
    assert condensed(story.user)


def test_the_parts_of_a_long_text_arrive_in_their_order() -> None:
    story = Texting()
    story.writes("a", "b")
    assert story.now("MESSAGE").body == KeptText("a", 5)
    story.says(200)
    assert (story.now("MESSAGE").body, story.forgotten()) == (KeptText("b", 5), ["a"])
    assert not story.all(ConfirmText)
    story.says(200)
    assert story.the(ConfirmText)


def test_a_text_that_breaks_off_says_so() -> None:
    story = Texting()
    story.writes("a", "b", "c")
    story.says(200)
    story.says(480, "Away")
    why = texts.IN_PART.format(sent=1, count=3, why="sip.test says: “Away” (480)")
    assert (story.the(RefuseText).text, story.forgotten(), story.methods) == (why, ["b", "c"], [])


def test_there_are_not_too_many_at_a_time() -> None:
    story = Texting()
    for number in range(outbox._MOST):
        story.writes(id=f"m{number}")
    story.writes(id="one more")
    assert story.the(RefuseText).text == texts.TOO_MANY_WAITING


def test_there_are_no_texts_while_the_disk_is_almost_full() -> None:
    story = Texting()
    story.tell(RoomChanged(True))
    story.writes()
    assert (story.the(RefuseText).text, story.forgotten()) == (texts.NO_ROOM, ["text-1"])
    story.gets()
    assert (story.statuses, story.forgotten(), story.all(DeliverText)) == ([480], ["in-1"], [])
    story.tell(RoomChanged(False))
    story.writes()
    assert story.now("MESSAGE")


@pytest.mark.parametrize(
    ("policy", "to", "why"),
    [
        ({}, "alice@sip.localhost", texts.OWN_ADDRESS),
        ({"foreign": "refuse"}, "bob%example.com@sip.localhost", texts.NO_FOREIGN_TEXTS.format(domain="sip.test")),
        ({"emergency_numbers": ("112",), "emergency": "refuse"}, "112@sip.localhost", texts.NO_EMERGENCY_TEXTS),
    ],
)
def test_where_no_text_goes_is_said_in_words_for_texts(policy: dict[str, Any], to: str, why: str) -> None:
    story = Texting()
    story.tell(PolicyChanged(replace(story.user.policy, **policy)))
    story.writes(to=to)
    assert story.the(RefuseText).text == why


def test_who_has_no_account_is_told_to_register() -> None:
    story = Story()
    story.tell(TextWritten(DESK, BOB, "m1", (KeptText("text-1", 5),)))
    refused = story.the(RefuseText)
    assert (refused.kind, refused.condition) == ("auth", "registration-required")
    assert story.all(ForgetText) == [ForgetText("text-1")]


def test_who_is_not_signed_in_is_told_so() -> None:
    story = Story()
    story.register()
    story.tell(Stopping())
    story.tell(TextWritten(DESK, BOB, "m1", (KeptText("text-1", 5),)))
    assert story.the(RefuseText).text.startswith(root_texts.NOT_SIGNED_IN.partition("{")[0].strip())


def test_an_engine_without_texts_says_so() -> None:
    story = Story().signed_in()
    story.tell(TextWritten(DESK, BOB, "m1", (KeptText("text-1", 5),)))
    assert story.the(RefuseText) == RefuseText(BOB, DESK, "m1", "cancel", "service-unavailable", texts.NO_TEXTS)


@pytest.mark.parametrize(("event", "why"), [(Restarted(), texts.RESTARTED), (Stopping(), texts.STOPPING)])
def test_what_is_lost_with_the_memory_is_told(event: Restarted | Stopping, why: str) -> None:
    story = Texting()
    story.writes("a", "b")
    story.writes("c", id="m2")
    story.tell(event)
    assert [(each.stanza, each.text) for each in story.all(RefuseText)] == [("m1", why), ("m2", why)]
    assert (story.user.texts, "MESSAGE" in story.unanswered()) == ((), False)


def test_a_text_is_sent_again_after_a_restart_of_the_edge() -> None:
    story = Texting()
    story.writes()
    [(name, sent)] = story.sent_all("MESSAGE")
    story.tell(EdgeRestarted())
    again = story.now("MESSAGE")
    assert (again.repeats, again.cseq, again.body) == (name, sent.cseq, sent.body)
    story.tell(SipResponseReceived(name, name, "MESSAGE", 200, "OK", REGISTRAR, "b"))
    assert story.the(ConfirmText)


def test_a_late_answer_changes_nothing() -> None:
    story = Texting()
    story.writes()
    story.says(200)
    before = story.user
    story.says(404)
    assert (story.last, story.user) == ((), before)


# --- to the user


def test_a_text_is_delivered_before_it_is_answered() -> None:
    story = Texting()
    story.gets()
    delivered, answered = (each.command for each in story.last)
    assert delivered == DeliverText(BOB, ALICE, KeptText("in-1", 3))
    assert isinstance(answered, SendResponse)
    assert (answered.status, answered.contact) == (200, False)


def test_it_comes_from_the_contact_on_the_roster() -> None:
    story = Texting()
    contact = "01632960000@sip.localhost"
    story.tell(PolicyChanged(Policy(engine="sip", country="GB")))
    story.tell(SubscriptionChanged(contact, SubscriptionAction.SUBSCRIBE))
    story.gets(caller=f"sip:+441632960000@{REGISTRAR.ip}")
    assert story.the(DeliverText).sender == contact


def test_a_text_that_belongs_to_no_registration_is_refused() -> None:
    story = Texting()
    story.gets("9.9")
    assert (story.statuses, story.forgotten(), story.all(DeliverText)) == ([480], ["in-1"], [])


def test_a_bug_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Texting()
    monkeypatch.setattr(sip_leg, "text_sender", raises)
    story.gets()
    assert (story.statuses, story.forgotten(), story.all(DeliverText)) == ([500], ["in-1"], [])
    monkeypatch.setattr(outgoing, "line", raises)
    story.writes()
    refused = story.the(RefuseText)
    assert (refused.condition, refused.text, story.forgotten()) == (
        "internal-server-error",
        root_texts.FAULT,
        ["text-1"],
    )


def test_an_answer_from_elsewhere_to_a_challenge_is_none() -> None:
    story = Texting()
    story.writes()
    story.says(401, challenges=(), source=Endpoint("udp", "198.51.100.9", 5060))
    assert story.the(RefuseText).condition == "forbidden"
