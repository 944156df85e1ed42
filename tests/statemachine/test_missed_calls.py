"""The calls that leave a message: those that the user has neither answered nor declined, whichever way."""

from collections.abc import Callable

import pytest

from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged
from fargo.statemachine.model.commands import InitiateSession, ProposeCall, SendText, SignIn
from fargo.statemachine.model.events import ResourceUnavailable, Stopping
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    SessionAccepted,
    SessionTerminated,
)
from fargo.statemachine.model.sip_values import ReasonValue, SipHeaders
from fargo.statemachine.reason import Cause

from .story import ABLE, BOB, DESK, GATEWAY, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story
from .user_agent.phone import Phoning

ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")
BARE = BOB.partition("/")[0]


class Called(Story):
    """Bob calls Alice, who has a client that is called directly and one that is asked first."""

    def __init__(self) -> None:
        super().__init__()
        self.signed_in()
        self.online(PHONE, ASKS_FIRST)
        arrived = CallArrived("c1", self.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3)
        self.tell(arrived)
        self.since = self.at
        self.sid = self.the(ProposeCall).sid
        assert self.all(InitiateSession)

    def says(self, action: CallAction, condition: str = "") -> None:
        self.tell(CallMessaged(PHONE, BOB, self.sid, action, condition))

    def ends(self, condition: str, client: str = DESK) -> None:
        self.tell(SessionTerminated(self.iq(BOB, client), self.sid, condition))

    def accepts(self) -> None:
        self.tell(SessionAccepted(self.iq(BOB), self.sid, (OFFER,)))

    def gives_up(self) -> None:
        self.tell(CallStateChanged("c1", CallState.ENDED, 2), 60)

    @property
    def messages(self) -> list[SendText]:
        return [each.command for each in self.issued if isinstance(each.command, SendText)]


def reject(condition: str) -> Callable[[Called], None]:
    return lambda story: story.says(CallAction.REJECT, condition)


def finish(condition: str) -> Callable[[Called], None]:
    return lambda story: story.says(CallAction.FINISH, condition)


def end(condition: str) -> Callable[[Called], None]:
    return lambda story: story.ends(condition)


def proceeds_and_finishes(story: Called) -> None:
    story.says(CallAction.PROCEED)
    story.says(CallAction.FINISH)


def accepts(story: Called) -> None:
    story.accepts()
    story.gives_up()


def calls_them(story: Called) -> None:
    story.tell(CallProposed(PHONE, BARE, "!", ("audio",)))


# XEP-0353 §3.4 wants <busy/> in each rejection.
SETTLED = {
    **{f"reject {each}": reject(each) for each in ("", "busy", "decline", "cancel", "gone", "nonsense")},
    **{f"finish {each}": finish(each) for each in ("", "success", "decline", "cancel")},
    **{f"terminate {each}": end(each) for each in ("decline", "success", "cancel")},
    "proceed, finish": proceeds_and_finishes,
    "accept": accepts,
    "a call of the user": calls_them,
}


@pytest.mark.parametrize("settle", SETTLED.values(), ids=SETTLED)
def test_what_the_user_has_settled_is_not_missed(settle: Callable[[Called], None]) -> None:
    story = Called()
    settle(story)
    assert not [call for call in story.user.calls.values() if call.caller and story.messages]
    assert story.messages == []
    assert not story.waiting(ProposeCall, InitiateSession)


def all_are_busy(story: Called) -> None:
    story.ends("busy")
    story.tell(ResourceUnavailable(PHONE, GATEWAY))
    story.gives_up()


def proceeds_and_fails(story: Called) -> None:
    story.says(CallAction.PROCEED)
    story.says(CallAction.FINISH, "connectivity-error")


def stops(story: Called) -> None:
    story.tell(Stopping())


MISSED = {
    "nobody": Called.gives_up,
    **{f"terminate {each}": end(each) for each in ("busy", "timeout", "gone", "general-error", "media-error")},
    "finish connectivity-error": finish("connectivity-error"),
    "proceed, finish connectivity-error": proceeds_and_fails,
    "busy": all_are_busy,
    "the gateway stops": stops,
}


@pytest.mark.parametrize("happens", MISSED.values(), ids=MISSED)
def test_what_nobody_has_settled_is_missed(happens: Callable[[Called], None]) -> None:
    story = Called()
    happens(story)
    if story.user.calls and not story.messages:
        story.gives_up()
    assert story.messages == [SendText(BARE, "alice@localhost", "Missed call from bob@sip.test.", story.since)]


# --- what the Reason header of a CANCEL says (RFC 3326)


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        ((ReasonValue("SIP", 200),), Cause.ELSEWHERE),
        ((ReasonValue("Q.850", 26),), Cause.ELSEWHERE),
        ((ReasonValue("SIP", 487), ReasonValue("sip", 200, "Call completed elsewhere")), Cause.ELSEWHERE),
        ((ReasonValue("SIP", 603), ReasonValue("SIP", 200)), Cause.ELSEWHERE),
        *[((ReasonValue("SIP", status),), Cause.DECLINED) for status in (600, 603, 607, 608)],
        ((ReasonValue("q.850", 21),), Cause.DECLINED),
        *[((ReasonValue("SIP", status),), Cause.CANCELLED) for status in (300, 408, 480, 486, 487)],
        *[((ReasonValue("Q.850", value),), Cause.CANCELLED) for value in (16, 17, 18, 19, 127)],
        ((ReasonValue("X", 200), ReasonValue("X", 603)), Cause.CANCELLED),
        ((ReasonValue("SIP"), ReasonValue("Q.850")), Cause.CANCELLED),
        ((), Cause.CANCELLED),
    ],
)
def test_a_call_that_another_phone_has_settled_is_not_missed(reasons: tuple[ReasonValue, ...], cause: Cause) -> None:
    story = Phoning()
    story.invites()
    story.cancels(headers=SipHeaders(reason=reasons))
    assert story.ended is not None
    assert story.ended.cause is cause
    assert bool(story.all(SendText)) is (cause is Cause.CANCELLED)
