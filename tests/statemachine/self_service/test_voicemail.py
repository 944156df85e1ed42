"""The mailbox for voice messages: the subscription to it, and what the user is told (RFC 3842, RFC 6665)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import subscription
from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Fault, InitiateSession, SendText
from fargo.statemachine.model.events import (
    ClockJumped,
    GatewayAsked,
    PolicyChanged,
    Recorded,
    RegistrationCancelled,
    Restarted,
)
from fargo.statemachine.model.jingle_events import SessionAccepted
from fargo.statemachine.model.mailbox import Subscription
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.requests import CallNumber, ShowStatus
from fargo.statemachine.model.sip_messages import (
    FlowClosed,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import (
    Challenge,
    Endpoint,
    Hop,
    Party,
    RequestHead,
    SipHeaders,
    SubscriptionState,
)
from fargo.statemachine.self_service import texts, voicemail
from fargo.statemachine.unrecorded import answers

from ..faulty import raises
from ..registering import MD5, REGISTRAR
from ..story import ALICE, DESK, GATEWAY, OFFER
from ..user_agent.phone import Phoning

TWO = MessageSummary(True, 2, 8, 0, "sip:*97@sip.test")
THREE = replace(TWO, new=3)
NONE = MessageSummary(False, 0, 8)
NOTIFIER = "sip:mailbox@192.0.2.5:5070"
SAID_TWO = "You have 2 new voice messages.\nCall the mailbox: *97@sip.test"


class Voicemail(Phoning):
    """A user whose provider may have a mailbox."""

    has_mailbox = True

    @property
    def known(self) -> Subscription:
        assert self.user.mailbox
        assert self.user.mailbox.subscription
        return self.user.mailbox.subscription

    def says(self, status: int, after: float = 1.0, **more: Any) -> None:
        """The provider answers the latest SUBSCRIBE."""
        id, request = self.sent_all("SUBSCRIBE")[-1]
        answer = SipResponseReceived(request.dialog or "", id, "SUBSCRIBE", status, "", REGISTRAR, "box")
        self.tell(replace(answer, **more), after)

    def subscribes(self, seconds: int = 3600) -> "Voicemail":
        """The provider takes the subscription."""
        self.says(200, contact=NOTIFIER, headers=SipHeaders(expires=seconds))
        return self

    def notice(
        self,
        summary: MessageSummary | None,
        cseq: int = 1,
        within: bool = True,
        state: SubscriptionState | None = None,
        **more: Any,
    ) -> SipRequestReceived:
        """Return a NOTIFY, within the subscription or without one."""
        name = self.known.name if within else next(iter(self.user.registrations))
        call_id = self.sent_all("SUBSCRIBE")[-1][1].call_id if within else "c-1"
        head = RequestHead("NOTIFY", "sip:x", ("v1", "v2"), "from", "to", call_id, cseq)
        headers = SipHeaders(event="message-summary", subscription_state=state)
        return replace(SipRequestReceived(name, head, REGISTRAR, "box", None, headers, summary), **more)

    def notifies(self, summary: MessageSummary | None, **more: Any) -> list[str]:
        """The provider sends a NOTIFY. Return what the user is told."""
        self.tell(self.notice(summary, **more))
        assert {(each.sender, each.to) for each in self.all(SendText)} <= {(GATEWAY, ALICE)}
        return [each.text for each in self.all(SendText)]

    def status(self) -> str:
        self.tell(GatewayAsked(DESK, GATEWAY, ShowStatus()))
        return self.the(SendText).text

    def asks(self, number: str) -> str:
        """The user asks to be connected with a number, or a name."""
        self.tell(GatewayAsked(DESK, GATEWAY, CallNumber(number)))
        return self.the(SendText).text

    def next_subscribe(self) -> SendRequest:
        """Let time pass until a SUBSCRIBE is sent. The account stays registered."""
        for _ in range(40):
            self.goes_on()
            if "SUBSCRIBE" in self.methods:
                return self.now("SUBSCRIBE")
        raise AssertionError("no SUBSCRIBE is sent")

    def goes_on(self) -> None:
        """Let the earliest deadline come. If the account is registered again, that is accepted."""
        self.pass_time()
        if "SUBSCRIBE" not in self.methods and self.registration.awaited:
            self.accept()


# --- the subscription


def test_an_account_that_is_signed_in_subscribes_once() -> None:
    story = Voicemail(service_route=("<sip:edge.sip.test;lr>",))
    sent = story.now("SUBSCRIBE")
    assert (sent.uri, sent.recipient, sent.sender.uri) == ("sip:alice@sip.test", Party("sip:alice@sip.test"), sent.uri)
    assert (sent.hop, sent.destination, sent.routes) == (Hop("sip.test"), REGISTRAR, ("<sip:edge.sip.test;lr>",))
    assert (sent.contact, sent.headers) == (True, SipHeaders(expires=3600, event="message-summary"))
    assert (sent.dialog or "").startswith(f"{next(iter(story.user.registrations))}-")
    assert isinstance(story.last[-2].command, SendRequest), "only the record of the account is behind it"
    story.subscribes()
    story.pass_time()
    assert story.methods == ["SUBSCRIBE"] or story.sent.expires


def test_it_is_renewed_in_its_dialog_before_it_ends() -> None:
    story = Voicemail()
    first = story.request("SUBSCRIBE")
    story.says(202, contact=NOTIFIER, record_route=("<sip:b;lr>", "<sip:a;lr>"), headers=SipHeaders(expires=600))
    accepted = story.at
    again = story.next_subscribe()
    assert 300 < story.at - accepted < 600
    assert (again.dialog, again.call_id, again.sender, again.cseq) == (first.dialog, first.call_id, first.sender, 2)
    assert (again.uri, again.recipient.tag, again.routes) == (NOTIFIER, "box", ("<sip:a;lr>", "<sip:b;lr>"))
    assert again.hop is None
    story.says(481)
    assert story.now("SUBSCRIBE").call_id != first.call_id, "it is begun anew"


@pytest.mark.parametrize("status", [489, 403, 404, 405, 501, 603, 302])
def test_a_provider_without_a_mailbox_is_asked_again_at_the_next_registration_only(status: int) -> None:
    story = Voicemail()
    story.says(status)
    assert story.known.due is None
    for _ in range(5):
        story.pass_time()
        story.accept()
    assert len(story.sent_all("SUBSCRIBE")) == 1
    story.answer(403)
    story.tell(RegistrationCancelled(story.iq()))
    story.submit()
    story.accept()
    assert len(story.sent_all("SUBSCRIBE")) == 2


def test_a_provider_that_fails_is_asked_again_after_growing_pauses() -> None:
    story, pauses = Voicemail(), []
    for _ in range(5):
        story.says(503)
        failed = story.at
        story.next_subscribe()
        pauses.append(story.at - failed)
    assert pauses == sorted(pauses)
    assert (pauses[0] >= 30, pauses[-1] <= 3601) == (True, True)
    story.says(480, headers=SipHeaders(retry_after=5000))
    failed = story.at
    story.tell(FlowClosed(next(iter(story.user.registrations))))
    story.accept()
    assert story.methods == [], "a new way is no reason to ask again sooner"
    story.next_subscribe()
    assert story.at - failed >= 5000


def test_one_that_nobody_answers_has_failed() -> None:
    story = Voicemail()
    story.goes_on()
    assert story.known.failures == 1
    story.next_subscribe()
    id, request = story.sent_all("SUBSCRIBE")[-1]
    story.tell(SipRequestUndelivered(request.dialog or "", id, Undelivered.SILENT))
    assert (story.known.failures, story.known.request) == (2, None)
    story.next_subscribe()
    id, request = story.sent_all("SUBSCRIBE")[-1]
    story.tell(SipRequestUndelivered(request.dialog or "", id, Undelivered.SECRET))
    assert story.known.due is None


def test_a_challenge_is_answered_once_and_a_longer_lifetime_is_asked_for() -> None:
    story = Voicemail(login=True)
    first = story.request("SUBSCRIBE")
    story.says(401, challenges=(MD5,))
    again = story.now("SUBSCRIBE")
    assert (again.cseq, again.call_id, [each.challenge for each in again.credentials]) == (2, first.call_id, [MD5])
    story.says(423, headers=SipHeaders(min_expires=7200))
    longer = story.now("SUBSCRIBE")
    assert (longer.cseq, longer.headers.expires, longer.credentials[0].count) == (3, 7200, 2)
    story.says(401, challenges=(MD5,))
    assert (story.methods, story.known.due) == ([], None)


def test_a_login_of_another_realm_gets_no_answer() -> None:
    story = Voicemail(login=True)
    story.says(401, challenges=(Challenge("phone.test", "n"),))
    assert (story.methods, story.known.due) == ([], None)


def test_a_way_that_was_lost_is_told_to_the_provider_with_the_registration() -> None:
    story = Voicemail().subscribes()
    story.tell(FlowClosed(next(iter(story.user.registrations))))
    assert story.methods == []
    story.accept()
    assert story.now("SUBSCRIBE").cseq == 2
    story.says(200, contact=NOTIFIER)
    story.pass_time()
    story.accept(seen=Endpoint("udp", "192.0.2.77", 5060))
    assert story.now("SUBSCRIBE").cseq == 3


def test_a_restart_renews_it_and_tells_nothing_twice() -> None:
    story = Voicemail().subscribes()
    assert story.notifies(TWO) == [SAID_TWO]
    story.tell(Restarted())
    story.accept()
    assert story.now("SUBSCRIBE").cseq == 2
    story.says(200, contact=NOTIFIER)
    assert story.notifies(TWO, cseq=2) == []
    assert story.notifies(THREE, cseq=3) != []


def test_time_that_has_passed_elsewhere_counts() -> None:
    story = Voicemail().subscribes()
    story.says(200)
    story.tell(ClockJumped(7200.0))
    assert "SUBSCRIBE" in story.methods


def test_signing_out_ends_it_and_a_late_notice_too() -> None:
    story = Voicemail().subscribes()
    assert story.notifies(TWO) == [SAID_TWO]
    late = story.notice(THREE, cseq=2)
    story.tell(PolicyChanged(Policy(engine="telepathy")))
    assert story.user.mailbox is None, "the other engine knows of no mailbox"
    story = Voicemail().subscribes()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.user.mailbox is None
    story.tell(late)
    assert (story.statuses, story.all(SendText)) == ([481], [])


# --- notices


@pytest.mark.parametrize("within", [True, False], ids=["subscribed", "unsolicited"])
def test_new_messages_are_told_once(within: bool) -> None:
    story = Voicemail()
    if within:
        story.subscribes()
    else:
        story.says(489)
    assert story.notifies(NONE, within=within) == []
    assert story.notifies(TWO, within=within, cseq=2) == [SAID_TWO]
    assert story.notifies(TWO, within=within, cseq=3) == []
    assert story.notifies(THREE, within=within, cseq=4) == [SAID_TWO.replace("2", "3")]
    assert story.notifies(TWO, within=within, cseq=5) == []
    assert SAID_TWO in story.status()
    assert story.notifies(NONE, within=within, cseq=6) == []
    assert "voice" not in story.status()
    assert story.statuses == []
    assert story.notifies(TWO, within=within, cseq=7) == [SAID_TWO]
    assert story.statuses == [200]


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (MessageSummary(True), texts.NEW_MESSAGES),
        (MessageSummary(True, 1, 0), texts.ONE_MESSAGE),
        (MessageSummary(True, 5, 0, 2), "You have 5 new voice messages.\nUrgent: 2."),
        (MessageSummary(True, 1, 0, 0, "tel:+441632960000"), texts.ONE_MESSAGE),
        (MessageSummary(True, 1, 0, 0, "sip:no user"), texts.ONE_MESSAGE),
        (MessageSummary(True, 0, 3), None),
        (MessageSummary(False, 2, 3), None),
    ],
)
def test_what_is_told(summary: MessageSummary, said: str | None) -> None:
    story = Voicemail().subscribes()
    assert story.notifies(summary) == ([said] if said else [])


@pytest.mark.parametrize("within", [True, False])
def test_a_notice_that_says_nothing_new_needs_no_row(within: bool) -> None:
    story = Voicemail().subscribes()
    story.notifies(TWO, within=within, cseq=5)
    for notice in (story.notice(TWO, within=within, cseq=9), story.notice(None, within=within, cseq=9)):
        answered = answers(fold, story.user, notice, story.at, story.user.policy, False, False)
        assert [each.command.status for each in answered or () if isinstance(each.command, SendResponse)] == [200]
    changed = story.notice(THREE, within=within, cseq=9)
    assert answers(fold, story.user, changed, story.at, story.user.policy, False, False) is None


def test_notices_of_others_are_refused() -> None:
    story = Voicemail().subscribes()
    foreign = story.notice(TWO)
    for other in (
        replace(foreign, remote_tag="other"),
        replace(foreign, head=replace(foreign.head, call_id="other")),
        replace(foreign, leg=f"{foreign.leg}1"),
        replace(foreign, leg="7.0"),
        replace(foreign, head=replace(foreign.head, method="OPTIONS")),
    ):
        story.tell(other)
        assert (story.statuses, story.all(SendText)) == ([481], [])
    assert story.notifies(TWO, cseq=5) == [SAID_TWO]
    assert story.notifies(THREE, cseq=4) == [], "it was overtaken"
    assert story.statuses == [500]


def test_a_notice_before_the_answer_counts() -> None:
    story = Voicemail()
    assert story.notifies(TWO) == [SAID_TWO]
    story.subscribes()
    assert story.known.target == NOTIFIER


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        (SubscriptionState("active"), False),
        (SubscriptionState("terminated"), False),
        (SubscriptionState("terminated", "timeout"), False),
        (SubscriptionState("terminated", "probation", 5000), False),
        (SubscriptionState("terminated", "noresource"), True),
        (SubscriptionState("terminated", "rejected"), True),
    ],
)
def test_a_provider_can_end_it(state: SubscriptionState, ends: bool) -> None:
    story = Voicemail().subscribes()
    name, told = story.known.name, story.at
    assert story.notifies(TWO, state=state) == [SAID_TWO]
    if ends:
        assert story.known.due is None
        return
    sent = story.next_subscribe()
    assert (sent.dialog == name) is (state.state == "active")
    assert story.at - told >= (state.retry_after or 30)


def test_an_unsolicited_notice_may_call_itself_the_last() -> None:
    story = Voicemail().subscribes()
    before = story.known
    assert story.notifies(TWO, within=False, state=SubscriptionState("terminated")) == [SAID_TWO]
    assert story.known == before


def test_a_snapshot_has_it_all() -> None:
    story = Voicemail().subscribes()
    story.notifies(TWO)
    taken = condensed(story.user)
    assert taken
    user, issued, _ = fold(new(ALICE), Recorded(ALICE, 1, story.at, taken))
    assert (user.mailbox, [each for each in issued if isinstance(each.command, SendRequest)]) == (
        story.user.mailbox,
        [],
    )


def test_a_bug_gives_the_subscription_up_until_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Voicemail().subscribes()
    monkeypatch.setattr(subscription, "renew", raises)
    for _ in range(2):
        story.goes_on()
    assert voicemail.deadline(story.user) is None
    assert len(story.all(Fault)) <= 1
    monkeypatch.undo()
    story.goes_on()
    assert story.methods == []
    story.tell(Restarted())
    assert story.methods == ["SUBSCRIBE"]
    story.accept()
    monkeypatch.setattr(subscription, "notified", raises)
    assert story.notifies(THREE, within=False) == []
    assert story.statuses == [500]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from([200, 202, 401, 403, 408, 423, 481, 489, 500, 503])),
        st.tuples(st.just("notify"), st.tuples(st.booleans(), st.sampled_from([NONE, TWO, THREE, None]))),
        st.tuples(st.just("time"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=20,
)


@given(STEPS)
def test_whatever_the_provider_does_no_message_is_told_twice_and_nothing_is_overdue(steps: list[Any]) -> None:
    story, cseq = Voicemail(), 0
    for what, value in steps:
        if what == "answer":
            story.says(value, contact=NOTIFIER, challenges=(MD5,))
        elif what == "notify":
            within, summary = value
            cseq += 1
            before = story.user.mailbox.summary if story.user.mailbox else NONE
            story.tell(story.notice(summary, cseq=cseq, within=within))
            grown = summary is not None and (summary.new or 0) > (before.new or 0)
            assert len(story.all(SendText)) == grown
            assert len(story.statuses) == 1
        elif what == "restart":
            story.tell(Restarted())
            story.accept()
            story.online()
        else:
            story.goes_on()
        due = voicemail.deadline(story.user)
        if due is not None and due.at <= story.at:  # the steps have taken so long
            story.goes_on()
            due = voicemail.deadline(story.user)
        assert due is None or due.at > story.at


# --- calls to it


def test_the_mailbox_is_called_by_name() -> None:
    story = Voicemail()
    assert story.asks("Voicemail") == texts.NO_MAILBOX
    story.notifies(TWO, within=False)
    assert story.asks("voicemail") == texts.CLIENTS_RING
    us = story.the(InitiateSession).sender
    assert us == f"*97@{GATEWAY}/fargo"
    story.tell(SessionAccepted(story.iq(us), story.sid, (OFFER,)))
    assert story.now("INVITE").uri == "sip:*97@sip.test"


def test_the_contact_voicemail_is_the_mailbox_once_its_number_is_known() -> None:
    story = Voicemail()
    story.calls(to=f"voicemail@{GATEWAY}/fargo")
    assert story.now("INVITE").uri == "sip:voicemail@sip.test"
    story.notifies(TWO, within=False)
    story.calls(to=f"voicemail@{GATEWAY}/fargo", sid="s2")
    assert story.now("INVITE").uri == "sip:*97@sip.test"
