"""A failure is put to the server that has spoken, or to nobody; in records, trouble of its own to the gateway."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fargo.statemachine.legs.telepathy.texts import NOT_REACHED as RAKIA_NOT_REACHED
from fargo.statemachine.legs.user_agent.texts import LOGIN_REFUSED, LOGIN_UNKNOWN, NOBODY_ANSWERED, NOT_REACHED
from fargo.statemachine.media.paths import ForeignCalls, Policy
from fargo.statemachine.model.call1 import (
    CallFailed,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    ChangeReason,
    ChannelClosed,
)
from fargo.statemachine.model.call_records import RecordEnded, Side
from fargo.statemachine.model.commands import TerminateSession
from fargo.statemachine.model.events import PolicyChanged, SipSignedOut, SipTrouble, TimePassed
from fargo.statemachine.model.sip_messages import Undelivered
from fargo.statemachine.model.sip_values import ReasonValue, SipHeaders, WarningValue
from fargo.statemachine.reason import FAILURES, Cause

from .registering import MD5
from .story import DESK, Story
from .user_agent.phone import CAROL, NO_AUDIO, Phoning

OWN, CALLED = "sip.test", "other.test"
"""The domain of the account, and the one that is called."""

WORDS = st.text(st.characters(codec="utf-8"), max_size=300)


class Dialling:
    """Alice calls somebody at another domain, with one of the SIP engines."""

    def __init__(self, engine: str, foreign: ForeignCalls = "provider") -> None:
        self.sip = engine == "sip"
        self.story: Story = Phoning(login=True) if self.sip else Story().signed_in()
        self.story.tell(PolicyChanged(Policy(engine="sip" if self.sip else "telepathy", foreign=foreign)))
        if isinstance(self.story, Phoning):
            self.story.calls(to=CAROL)
        else:
            self.channel = self.story.call_out(to=CAROL)

    def rings(self) -> None:
        if isinstance(self.story, Phoning):
            self.story.responds(180)
        else:
            self.story.tell(CallMembersChanged(self.channel, 1))

    def refused(self, status: int, phrase: str) -> None:
        """The server has responded. The edge puts a blank before what would be its own mark."""
        if isinstance(self.story, Phoning):
            self.story.responds(status, phrase)
        else:
            said = f" {phrase}" if phrase.startswith("gateway: ") else phrase
            self.story.tell(CallStateChanged(self.channel, CallState.ENDED, 0, "", f"{status} {said}"))

    @property
    def text(self) -> str:
        return self.story.the(TerminateSession).text

    @property
    def record(self) -> RecordEnded:
        ended = self.story.noted()[-1]
        assert isinstance(ended, RecordEnded)
        return ended


@pytest.fixture(params=["sip", "telepathy"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- who has spoken


@pytest.mark.parametrize("status", [300, 302, 400, 403, 404, 480, 486, 488, 500, 503, 603])
@pytest.mark.parametrize(("foreign", "speaker"), [("provider", OWN), ("direct", CALLED)])
@pytest.mark.parametrize("phrase", ["Words", ""])
def test_a_refusal_is_put_to_the_server_that_was_asked(
    engine: str, status: int, foreign: ForeignCalls, speaker: str, phrase: str
) -> None:
    call = Dialling(engine, foreign)
    call.refused(status, phrase)
    assert call.text.startswith(f"{speaker} ")
    assert ({OWN, CALLED} - {speaker}).isdisjoint(call.text.split())
    assert call.record.by is Side.PHONE


def test_a_useless_answer_is_put_to_no_server() -> None:
    story = Phoning()
    story.calls(to=CAROL)
    story.answers(NO_AUDIO)
    assert OWN not in story.ended.text
    assert CALLED not in story.ended.text


@pytest.mark.parametrize(("login", "template"), [(True, LOGIN_REFUSED), (False, LOGIN_UNKNOWN)])
def test_a_login_that_was_not_tried_was_not_refused(login: bool, template: str) -> None:
    story = Phoning(login=login)
    story.calls(to=CAROL)
    story.responds(407, challenges=(MD5,))
    if login:
        story.responds(407, challenges=(MD5,))
    assert story.ended.text == template.format(domain=OWN, status=407)


# --- words cannot pass for those of the gateway


@given(WORDS, st.sampled_from([302, 404, 480, 603]), st.sampled_from(["sip", "telepathy"]))
@example("gateway: The SIP server cannot be reached", 603, "telepathy")
@example("Busy” (486). Your account is locked. Call “+44", 480, "sip")
def test_a_phrase_stays_between_its_marks(phrase: str, status: int, engine: str) -> None:
    call = Dialling(engine)
    call.refused(status, phrase)
    assert call.text.startswith(f"{OWN} ")
    before, mark, rest = call.text.partition("“")
    quoted, closing, after = rest.partition("”")
    assert bool(mark) is bool(closing)
    assert "“" not in quoted + after
    assert "”" not in after
    assert call.text.isprintable()
    assert len(quoted) <= 200
    assert f"({status})" in (after if mark else before)


@given(WORDS, WORDS)
def test_nor_do_the_words_of_headers(reason: str, warning: str) -> None:
    story = Phoning()
    story.calls(to=CAROL)
    headers = SipHeaders(reason=(ReasonValue("Q.850", 1, reason),), warning=(WarningValue(399, warning),))
    story.responds(404, "Not Found", headers=headers)
    outside = story.ended.text.replace("”", "“").split("“")[::2]
    assert "".join(outside).replace(", ", "") in (f"{OWN} says:  (404)", f"{OWN} says:  (404): ")


@given(WORDS)
def test_nor_do_those_of_a_bye(words: str) -> None:
    story = Phoning().talking()
    story.sends("BYE", headers=SipHeaders(reason=(ReasonValue("Q.850", 41, words),)))
    text = story.the(TerminateSession).text
    assert text == "" or (text.startswith("The other end says: “") and text.endswith("”"))
    assert text.count("“") == text.count("”") <= 1


# --- the gateway's own trouble


def undelivered(why: Undelivered) -> Callable[[Phoning], object]:
    return lambda story: story.undeliverable(why, text="details")


def by_edge(status: int) -> Callable[[Phoning], object]:
    return lambda story: story.responds(status, "Whatever", by_edge=True)


OURS = {
    **{f"undelivered {why}": undelivered(why) for why in Undelivered},
    **{f"by the edge {status}": by_edge(status) for status in (400, 408, 477, 478, 500, 503)},
}


@pytest.mark.parametrize("fail", OURS.values(), ids=OURS)
@pytest.mark.parametrize("to", [CAROL, "bob%sip.test@sip.localhost/fargo"])
def test_what_never_left_the_gateway_is_not_put_on_the_phone(fail: Callable[[Phoning], object], to: str) -> None:
    story = Phoning()
    story.calls(to=to)
    fail(story)
    ended = story.noted()[-1]
    assert isinstance(ended, RecordEnded)
    assert (ended.by, ended.sip_status) == (Side.GATEWAY, None)
    assert ended.cause in FAILURES
    assert CALLED not in ended.text
    assert "says" not in ended.text


def troubles(channel: str, connection: str) -> Iterator[object]:
    yield CallFailed(channel, "org.freedesktop.Telepathy.Error.InvalidHandle", "invalid")
    yield ChannelClosed(channel)
    yield SipSignedOut(connection, SipTrouble.NETWORK)
    for reason in ChangeReason:
        yield CallStateChanged(channel, CallState.ENDED, reason, "", "")
    for said in ("503 gateway: The SIP server cannot be reached", "504 gateway: The SIP server does not respond"):
        yield CallStateChanged(channel, CallState.ENDED, 10, "", said)


@pytest.mark.parametrize("at", range(len(list(troubles("", "")))))
def test_nor_is_what_the_connection_manager_or_its_edge_says(at: int) -> None:
    call = Dialling("telepathy")
    connection = next(iter(call.story.user.calls.values())).connection
    event = list(troubles(call.channel, connection))[at]
    call.story.tell(event)  # type: ignore[arg-type] # each is an event
    assert call.record.by is Side.GATEWAY
    assert CALLED not in call.text


# --- nobody answered, or nobody was reached


@pytest.mark.parametrize(("rings", "cause"), [(True, Cause.NO_ANSWER), (False, Cause.UNAVAILABLE)])
def test_a_timeout_before_it_rings_is_a_failure(engine: str, rings: bool, cause: Cause) -> None:
    call = Dialling(engine)
    if rings:
        call.rings()
    call.refused(408, "Request Timeout")
    assert (call.record.by, call.record.cause) == (Side.PHONE, cause)
    assert (call.record.cause in FAILURES) is not rings
    assert call.text.endswith(f"{OWN} says: “Request Timeout” (408)")
    assert call.text.startswith(NOT_REACHED) is not rings


@pytest.mark.parametrize("rings", [True, False])
def test_so_is_silence_before_it_rings(engine: str, rings: bool) -> None:
    call = Dialling(engine)
    if rings:
        call.rings()
    call.story.tell(TimePassed(), 500)
    assert (call.record.cause in FAILURES) is not rings
    assert (call.text == NOT_REACHED) is not rings


@pytest.mark.parametrize("rings", [True, False])
def test_so_is_what_the_edge_says_of_it(rings: bool) -> None:
    call = Dialling("telepathy")
    if rings:
        call.rings()
    call.story.tell(CallStateChanged(call.channel, CallState.ENDED, 5, "", "408 gateway: Nobody answered"))
    assert call.text == (NOBODY_ANSWERED if rings else RAKIA_NOT_REACHED)
    assert (call.record.cause in FAILURES) is not rings


def test_the_client_of_such_a_call_is_told_of_a_timeout(engine: str) -> None:
    call = Dialling(engine)
    call.refused(408, "Request Timeout")
    ended = call.story.the(TerminateSession)
    assert (ended.to, ended.condition) == (DESK, "timeout")
