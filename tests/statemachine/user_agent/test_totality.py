"""Totality: every SIP event in every phase of the leg folds, and is answered as SIP demands."""

from collections.abc import Callable, Iterator
from typing import Final, get_args

import pytest
from msgspec.structs import replace

from fargo.statemachine.call.texts import OF_CALL
from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Exchange,
    UserAgentLeg,
    UserAgentPhase,
)
from fargo.statemachine.machine import deadlines, fold
from fargo.statemachine.model.commands import Fault, Issued
from fargo.statemachine.model.events import (
    Event,
    PolicyChanged,
    Recorded,
    RegistrationCancelled,
    Restarted,
    Stopping,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import SessionTerminated
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    InviteReceived,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Party, RequestHead, SessionTimer, SipHeaders

from ..registering import MD5, REGISTRAR
from ..story import BOB
from .phone import Phoning
from .seeing import Seeing
from .test_call_properties import BODIES, HEADERS, METHODS, STATUSES


def calling() -> Phoning:
    story = Phoning(login=True)
    story.calls()
    return story


def proceeding() -> Phoning:
    story = calling()
    story.responds(183, headers=SipHeaders(require=("100rel",), rseq=1))
    story.responds(180, remote_tag="desk")
    return story


def cancelling() -> Phoning:
    story = proceeding()
    story.hangs_up("s1", condition="cancel")
    return story


def moved(story: Phoning) -> Phoning:
    for edge in ("here", "there"):
        story.tell(PolicyChanged(replace(story.user.policy, edge=edge)))
    story.tell(Restarted())
    return story


def recalling() -> Phoning:
    return moved(proceeding())


def ringing() -> Phoning:
    story = Phoning(login=True)
    story.invites(headers=SipHeaders(require=("100rel",)))
    story.rings()
    return story


def without_offer() -> Phoning:
    story = Phoning(login=True)
    story.invites(None)
    return story


def refused() -> Phoning:
    story = ringing()
    story.tell(SessionTerminated(story.iq(BOB), story.sid, "busy"))
    return story


def accepted() -> Phoning:
    story = ringing()
    story.accepts()
    return story


def late_offer() -> Phoning:
    story = without_offer()
    story.accepts()
    return story


def releasing_early() -> Phoning:
    story = accepted()
    story.hangs_up(story.sid)
    return story


def talking() -> Phoning:
    story = proceeding()
    story.answers()
    return story


def holding() -> Phoning:
    story = talking()
    story.holds()
    return story


def refreshing() -> Phoning:
    story = calling()
    timer = SipHeaders(session_expires=SessionTimer(300, "uac"), allow=("UPDATE",))
    story.answers(headers=timer)
    story.pass_time()
    return story


def deferred() -> Phoning:
    story = holding()
    story.responds(491)
    return story


def doubted() -> Phoning:
    story = talking()
    story.tell(Restarted())
    return story


def telling_of_the_move() -> Phoning:
    return moved(talking())


def unconfirmed_elsewhere() -> Phoning:
    return moved(accepted())


def reinvited() -> Phoning:
    story = talking()
    story.sends("INVITE", BODIES[1])
    return story


def releasing() -> Phoning:
    story = holding()
    story.hangs_up("s1")
    return story


def lingering() -> Phoning:
    story = talking()
    story.sends("BYE")
    return story


def wanting_video() -> Phoning:
    story = Seeing().hears_bob()
    story.wants_video()
    return story


PHASES: Final[tuple[Callable[[], Phoning], ...]] = (
    *(calling, proceeding, recalling, cancelling, ringing, without_offer, refused, accepted, late_offer),
    *(releasing_early, talking, holding, refreshing, deferred, doubted, reinvited, releasing, lingering),
    *(telling_of_the_move, unconfirmed_elsewhere, wanting_video),
)


def strays(story: Phoning) -> Iterator[Event]:
    """Yield every kind of SIP event, aimed at the call and at nothing."""
    dialog, call_id = story.of_dialog()
    sent = [each for each in story.issued if isinstance(each.command, SendRequest)]
    for name in (dialog, "none"):
        for issued in sent:
            yield from _responses(name, issued)
        for method in METHODS:
            yield from _requests(story, name, method, call_id)
    yield from (_invite(story, call_id), _invite(story, "another"))
    yield from (EdgeRestarted(), Restarted(), Stopping(), TimePassed(), RegistrationCancelled(story.iq()))


def _responses(name: str, issued: Issued) -> Iterator[Event]:
    request = issued.command
    assert isinstance(request, SendRequest)
    command = request.cancels or issued.id
    for status in dict.fromkeys(STATUSES):
        for tag in ("bob", "desk", None):
            for place, body in enumerate(BODIES):
                headers = HEADERS[place % len(HEADERS)]
                response = SipResponseReceived(name, command, request.method, status, "", REGISTRAR, tag)
                yield replace(response, headers=headers, body=body, challenges=(MD5,) if place % 2 else ())
    yield from (SipRequestUndelivered(name, issued.id, why) for why in Undelivered)


def _requests(story: Phoning, name: str, method: str, call_id: str) -> Iterator[Event]:
    heads = [each.command.head for each in story.issued if isinstance(each.command, SendResponse)]
    numbers = {1, 1000, *(head.cseq for head in heads)}
    for number in sorted(numbers):
        for tag in ("bob", "desk"):
            for place, body in enumerate(BODIES):
                head = RequestHead(method, "sip:x", ("via",), "from", "to", call_id, number)
                yield SipRequestReceived(name, head, REGISTRAR, tag, None, HEADERS[place % len(HEADERS)], body)


def _invite(story: Phoning, call_id: str) -> Event:
    head = RequestHead("INVITE", "sip:x", ("other",), "from", "to", call_id, 101)
    return InviteReceived(f"{story.name}-x", story.name, head, REGISTRAR, Party("sip:bob@sip.test", "bob"), "sip:b@c")


def test_every_phase_is_there() -> None:
    legs = [begin().leg for begin in PHASES]
    exchanges = {type(leg.exchange) for leg in legs if isinstance(leg, Confirmed)}
    assert {type(leg) for leg in legs} == set(get_args(UserAgentLeg))
    assert exchanges == {type(None), *get_args(Exchange)}


@pytest.mark.parametrize("begin", PHASES, ids=lambda begin: begin.__name__)
def test_every_event_folds_and_is_answered(begin: Callable[[], Phoning]) -> None:
    story = begin()
    assert isinstance(story.leg, UserAgentPhase)
    for event in strays(story):
        for later in (0.0, 1000.0):
            version = len(story.entries) + 1
            _, issued, _ = fold(story.user, Recorded(story.user.jid, version, story.at + later, event))
            assert not [each for each in issued if isinstance(each.command, Fault)], event
            if isinstance(event, SipRequestReceived):
                finals = [
                    each.command.head
                    for each in issued
                    if isinstance(each.command, SendResponse) and each.command.status >= 200
                ]
                assert finals.count(event.head) == (0 if event.head.method == "ACK" else 1)


WAITS: Final[tuple[tuple[Callable[[], Phoning], str, float], ...]] = (
    (calling, texts.ANSWER, 180.0),
    (proceeding, texts.ANSWER, 178.0),
    (recalling, texts.PLACED_ANEW, 3.0),
    (cancelling, texts.END_OF_CALL, 512.0),
    (ringing, texts.ANSWER, 32.0),
    (without_offer, texts.ANSWER, 180.0),
    (refused, texts.END_OF_CALL, 240.0),
    (accepted, texts.CONFIRMATION, 32.0),
    (unconfirmed_elsewhere, texts.CONFIRMATION, 4.0),
    (releasing_early, texts.CONFIRMATION, 31.0),
    (releasing, texts.END_OF_CALL, 512.0),
    (lingering, texts.END_OF_CALL, 31.0),
)


@pytest.mark.parametrize(("begin", "awaited", "seconds"), WAITS, ids=lambda each: getattr(each, "__name__", ""))
def test_what_a_phase_waits_for(begin: Callable[[], Phoning], awaited: str, seconds: float) -> None:
    """The sentence says it to people, and the seconds are counted from its beginning."""
    story = begin()
    [call] = story.user.calls.values()
    due = [each for each in deadlines(story.user) if each.name == OF_CALL.format(call=call.id, awaited=awaited)]
    assert [each.at - story.at for each in due] == [seconds]
