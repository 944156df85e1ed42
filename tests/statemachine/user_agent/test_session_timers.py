"""Session timers (RFC 4028)."""

import pytest

from fargo.statemachine.legs.user_agent import session_timer, texts
from fargo.statemachine.legs.user_agent.phases import Confirmed, OfferDeferred
from fargo.statemachine.legs.user_agent.session_timer import Refreshing
from fargo.statemachine.machine import deadlines
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.sip_messages import SendResponse
from fargo.statemachine.model.sip_values import Sdp, SessionTimer, SipHeaders
from fargo.statemachine.reason import Cause, Reason

from ..registering import MD5
from .phone import AT_SERVER, Phoning, sdp

UPDATES = ("INVITE", "ACK", "BYE", "UPDATE")


def refreshed_by_us(allow: tuple[str, ...] = ()) -> Phoning:
    """A call of ours that we have to refresh every 150 s."""
    timer = SipHeaders(require=("timer",), session_expires=SessionTimer(300, "uac"), allow=allow)
    return Phoning(login=True).talking(headers=timer, contact=AT_SERVER)


def refreshed_by_them() -> Phoning:
    """A call of ours that the phone refreshes every 150 s."""
    return Phoning().talking(headers=SipHeaders(session_expires=SessionTimer(300, "uas")))


@pytest.mark.parametrize(
    ("asked", "supported", "answer", "require"),
    [
        (SessionTimer(1800), ("timer",), SessionTimer(1800, "uac"), ("timer",)),
        (SessionTimer(1800, "uac"), ("timer",), SessionTimer(1800, "uac"), ("timer",)),
        (SessionTimer(1800, "uas"), ("timer",), SessionTimer(1800, "uas"), ()),
        (SessionTimer(1800), (), SessionTimer(1800, "uas"), ()),
        (SessionTimer(20), (), SessionTimer(90, "uas"), ()),
        (None, ("timer",), None, ()),
    ],
)
def test_a_timer_that_the_caller_asks_for_is_agreed_to(
    asked: SessionTimer | None, supported: tuple[str, ...], answer: SessionTimer | None, require: tuple[str, ...]
) -> None:
    """RFC 4028 §9, table 2."""
    story = Phoning()
    story.invites(headers=SipHeaders(supported=supported, session_expires=asked))
    story.accepts()
    headers = story.the(SendResponse).headers
    assert (headers.session_expires, headers.require) == (answer, require)
    story.acknowledges()
    timer = story.confirmed.timer
    assert (timer and (timer.seconds, timer.ours)) == (answer and (answer.seconds, answer.refresher == "uas"))


def test_a_timer_that_the_caller_requires_is_agreed_to() -> None:
    story = Phoning()
    story.invites(headers=SipHeaders(require=("timer",), session_expires=SessionTimer(1800)))
    story.accepts()
    assert story.the(SendResponse).headers.session_expires == SessionTimer(1800, "uac")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_too_small_an_interval_is_refused_in_a_call(method: str) -> None:
    story = Phoning().called()
    small = SipHeaders(supported=("timer",), session_expires=SessionTimer(89))
    story.sends(method, headers=small)
    final = story.the(SendResponse)
    assert (final.status, final.headers) == (422, SipHeaders(min_se=90))
    assert isinstance(story.leg, Confirmed)


def test_we_refresh_with_an_update_if_the_phone_understands_that() -> None:
    """RFC 4028 §7.4."""
    story = refreshed_by_us(UPDATES)
    assert story.pass_time() == pytest.approx(149, abs=2)
    update = story.now("UPDATE")
    assert (update.body, update.headers.session_expires) == (None, SessionTimer(300, "uac"))
    story.responds(200, to="UPDATE", headers=SipHeaders(session_expires=SessionTimer(300, "uac")))
    assert story.methods == []
    assert story.pass_time() == 150
    assert story.methods == ["UPDATE"]


def test_we_refresh_with_the_same_description_otherwise() -> None:
    story = refreshed_by_us()
    story.pass_time()
    invite, before = story.now("INVITE"), story.sent_all("INVITE")[0][1]
    assert isinstance(invite.body, Sdp)
    assert invite.body == before.body
    assert invite.headers.session_expires == SessionTimer(300, "uac")
    story.responds(200, body=sdp(), headers=SipHeaders(session_expires=SessionTimer(300, "uac")))
    assert story.methods == ["ACK"]
    assert story.confirmed.timer == Refreshing(300, True, story.at)


@pytest.mark.parametrize("status", [405, 501])
def test_a_phone_that_does_not_understand_update_after_all_gets_an_invite(status: int) -> None:
    story = refreshed_by_us(UPDATES)
    story.pass_time()
    update = story.now("UPDATE")
    assert update.contact
    story.responds(status, to="UPDATE")
    assert story.methods == ["INVITE"]
    assert story.now("INVITE").cseq == update.cseq + 1


def test_a_refresh_with_a_longer_interval_is_made_on_demand() -> None:
    story = refreshed_by_us(UPDATES)
    story.pass_time()
    story.responds(422, to="UPDATE", headers=SipHeaders(min_se=600))
    again = story.now("UPDATE")
    assert (again.headers.session_expires, again.headers.min_se) == (SessionTimer(600, "uac"), 600)
    assert story.confirmed.timer
    assert story.confirmed.timer.seconds == 600
    story.responds(422, to="UPDATE", headers=SipHeaders(min_se=600))
    assert story.methods == []
    story.hangs_up("s1")
    assert story.now("BYE").cseq == again.cseq + 1


def test_a_refresh_that_fails_is_tried_until_the_session_is_over() -> None:
    story = refreshed_by_us(UPDATES)
    answered = story.confirmed.since
    story.pass_time()
    refreshes = 1
    while not story.ends():
        if "UPDATE" in story.methods:
            story.responds(500, to="UPDATE")
            assert isinstance(story.confirmed.exchange, OfferDeferred)
            assert story.pass_time() == 10
        else:
            story.pass_time()
        refreshes += len(story.methods)
    assert refreshes > 5
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.NO_RESPONSE)
    assert 268 <= story.at - answered < 290


def test_a_phone_that_does_not_refresh_in_time_is_gone() -> None:
    """RFC 4028 §10: some time before the end of the interval."""
    story = refreshed_by_them()
    answered = story.confirmed.since
    story.pass_time()
    assert story.at - answered == 268
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.NO_RESPONSE)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_phone_refreshes(method: str) -> None:
    story = refreshed_by_them()
    story.tell(TimePassed(), 100)
    again = SipHeaders(supported=("timer",), session_expires=SessionTimer(300, "uac"))
    story.sends(method, sdp() if method == "INVITE" else None, headers=again)
    final = story.the(SendResponse)
    assert final.headers.session_expires == SessionTimer(300, "uac")
    assert final.headers.require == ("timer",)
    assert story.confirmed.timer == Refreshing(300, False, story.at)


def test_a_refresh_without_a_timer_ends_the_timer() -> None:
    story = refreshed_by_them()
    story.sends("UPDATE")
    assert story.confirmed.timer is None
    assert not [due for due in deadlines(story.user) if due.name.endswith(texts.REFRESH)]


def test_any_offer_of_ours_refreshes() -> None:
    story = refreshed_by_us()
    story.tell(TimePassed(), 100)
    story.holds()
    assert story.now("INVITE").headers.session_expires == SessionTimer(300, "uac")
    story.responds(200, body=sdp(senders="responder"), headers=SipHeaders(session_expires=SessionTimer(400, "uas")))
    assert story.confirmed.timer == Refreshing(400, False, story.at)


def test_an_offer_of_ours_leaves_the_refreshes_to_the_phone() -> None:
    story = refreshed_by_them()
    story.holds()
    assert story.now("INVITE").headers.session_expires == SessionTimer(300, "uas")


def test_our_refresh_gives_way_to_an_invite_of_the_phone() -> None:
    story = refreshed_by_us(UPDATES)
    story.pass_time()
    story.sends("INVITE", sdp())
    assert story.statuses == [200]


def test_the_end_of_a_session_comes_a_third_before_the_interval_if_that_is_short() -> None:
    assert session_timer.end(Refreshing(90, False, 0.0)) == 60.0
    assert session_timer.end(Refreshing(1800, False, 0.0)) == 1768.0
    assert session_timer.due(Refreshing(1800, True, 0.0)) == 900.0


def test_the_smallest_interval_is_not_too_small() -> None:
    """RFC 4028 §5."""
    story = Phoning()
    story.invites(headers=SipHeaders(supported=("timer",), session_expires=SessionTimer(90)))
    story.accepts()
    assert story.the(SendResponse).headers.session_expires == SessionTimer(90, "uac")


def test_a_longer_interval_counts_another_use_of_the_nonce() -> None:
    story = refreshed_by_us()
    story.pass_time()
    [method] = story.methods
    story.responds(407, to=method, challenges=(MD5,))
    story.responds(422, to=method, headers=SipHeaders(min_se=600))
    assert [each.count for each in story.now(method).credentials] == [2]


@pytest.mark.parametrize("allow", [(), UPDATES], ids=["re-INVITE", "UPDATE"])
@pytest.mark.parametrize("status", [488, 408])
def test_a_refresh_has_no_hold_that_was_refused_or_is_over_by_then(status: int, allow: tuple[str, ...]) -> None:
    """A phone that was not heard of may have taken it all the same."""
    story = refreshed_by_us(allow)
    story.holds()
    held = story.now("INVITE").body
    story.responds(status, by_edge=True)
    story.resumes()
    story.pass_time()
    [method] = story.methods
    body = story.now(method).body
    assert (method, body) == ("UPDATE", None) if (status, allow) == (488, UPDATES) else isinstance(body, Sdp)
    if isinstance(body, Sdp):
        assert isinstance(held, Sdp)
        assert body.audio
        assert body.audio.senders == "both"
        assert body.version > held.version
