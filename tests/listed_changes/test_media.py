"""Changes of the rules about descriptions, hold, encryption and the relay."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from statemachine.relayed import DTLS, FOR_CLIENT, Relayed
from statemachine.story import BOB, DESK, PCMU, Story
from statemachine.user_agent.encrypting import Encrypting
from statemachine.user_agent.phone import Phoning, sdp
from statemachine.user_agent.securing import Securing, phone_says

from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.media.description import Candidate, Content, Description, MediaProfile, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import (
    CallState,
    CallStateChanged,
    HangUp,
    HoldStateChanged,
    RejectDescription,
    RequestHold,
)
from fargo.statemachine.model.commands import (
    AcceptIq,
    Command,
    Fault,
    Issued,
    RefuseIq,
    SendRegistrationForm,
    TerminateSession,
)
from fargo.statemachine.model.events import RegistrationAsked, TimePassed
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInformed, SessionInitiated
from fargo.statemachine.model.ng import DeleteRelay, OfferRelay, RelayDone, RelayLost
from fargo.statemachine.model.rules import (
    DIRECTION_TAKEN_BACK,
    ENCRYPTED_AUDIO,
    END_TO_END,
    HOLD_IN_TURN,
    IPV6_AUDIO,
    REFRESHED_IN_FORCE,
    RELAY_ASKED_AGAIN,
    WAITING_ANSWER,
)
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest, SendResponse
from fargo.statemachine.model.sip_values import Sdp, SessionTimer, SipHeaders
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, older, only, with_commands


def held(*before: Command) -> list[Entry]:
    """Return a log in which a call is put on hold, and in which the older rules did this before they requested it."""
    story = Story().signed_in()
    channel = story.call_out()
    story.answered(channel)
    story.tell(SessionInformed(story.iq(BOB), "s1", "hold"))
    entries = older(story)
    [accepted, requested] = [each.command for each in story.last]
    assert isinstance(accepted, AcceptIq)
    assert isinstance(requested, RequestHold)
    with_commands(entries, -1, accepted, *before, requested)
    return entries


def test_an_answer_that_was_rejected_is_explained_and_nothing_else_is() -> None:
    story = Story().signed_in()
    channel = story.call_out()
    story.answered(channel)
    story.tell(TimePassed(), 2)
    entries = older(story)
    with_commands(entries, -1, RejectDescription(channel))
    only(entries, WAITING_ANSWER)
    only(held(RejectDescription(channel)), WAITING_ANSWER)
    for other in ((RejectDescription(channel), HangUp(channel, 5)), (RequestHold(channel, False),)):
        assert verify(list(correlated(held(*other)))).differences == 1


@pytest.mark.parametrize(
    ("at", "then"),
    [
        (RawUdp((Candidate(1, "2001:db8::1", 4000),)), "The client's offer contains no IPv4 address to send audio to."),
        (RawUdp(), "The client's offer contains no IPv4 address to send audio to."),
    ],
)
def test_audio_over_ipv6_is_explained_and_nothing_else_is(at: RawUdp, then: str) -> None:
    story = Story().signed_in()
    story.tell(SessionInitiated(story.iq(BOB), "s1", (_described(at),)))
    entries = older(story)
    recorded, issued = entries[-1]
    said = [replace(each, command=_said(each.command, then)) for each in issued]
    assert said != list(issued)
    entries[-1] = recorded, tuple(said)
    changed = [(replace(recorded, rules=4), issued) for recorded, issued in entries]
    only(changed, IPV6_AUDIO)


def test_another_end_of_a_client_without_an_address_is_not_explained() -> None:
    story = Story().signed_in()
    story.tell(SessionInitiated(story.iq(BOB), "s1", (_described(RawUdp()),)))
    entries = older(story)
    with_commands(entries, -1)
    changed = [(replace(recorded, rules=4), issued) for recorded, issued in entries]
    assert verify(list(correlated(changed))).differences == 1


def _said(command: Command, text: str) -> Command:
    return replace(command, text=text) if isinstance(command, TerminateSession) else command


def _described(transport: RawUdp) -> Content:
    return Content("voice", description=Description("audio", (PCMU,), transport))


def form() -> list[Entry]:
    """Return a log of the older rules in which the form offers no encryption."""
    story = Encrypting("optional")
    story.tell(RegistrationAsked(story.iq()))
    return _open(story)


def relayed_anyway() -> list[Entry]:
    """Return a log of the older rules in which the relay is not asked to encrypt."""
    story = Encrypting("optional", Policy("relay", relay=True, engine="sip"))
    story.calls()
    return _open(story)


def _open(story: Encrypting) -> list[Entry]:
    entries = before(ENCRYPTED_AUDIO, story)
    recorded, issued = entries[-1]
    entries[-1] = recorded, tuple(replace(each, command=_without_srtp(each.command)) for each in issued)
    return entries


def _without_srtp(command: Command) -> Command:
    if isinstance(command, SendRegistrationForm):
        return replace(command, srtp=())
    return replace(command, srtp="off") if isinstance(command, OfferRelay) else command


def went_directly() -> list[Entry]:
    """Return a log of the older rules in which a call goes directly that goes through the relay today."""
    story, without = Encrypting("optional"), Encrypting("off")
    story.calls()
    without.calls()
    entries = before(ENCRYPTED_AUDIO, story)
    assert any(isinstance(each.command, SendRequest) for each in without.entries[-1][1])
    entries[-1] = entries[-1][0], without.entries[-1][1]
    return entries


@pytest.mark.parametrize("recorded", [form, relayed_anyway, went_directly])
def test_audio_that_was_not_encrypted_is_explained_and_nothing_else_is(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), ENCRYPTED_AUDIO)
    entries = recorded()
    event, issued = entries[-1]
    other = Issued(event.user, f"{event.version}.9", RefuseIq(Iq(DESK, BOB, "i9"), "cancel", "conflict", "No."))
    entries[-1] = event, (*issued, other)
    assert verify(list(correlated(entries))).differences == 1


def test_a_hold_that_waits_for_its_turn_is_explained_and_nothing_else_is() -> None:
    only(_taken_back(), HOLD_IN_TURN)
    for other in (RequestHold("1.0", True), HangUp("1.0", 5)):
        assert verify(list(correlated(_taken_back(other)))).differences == 1


def _taken_back(*others: Command) -> list[Entry]:
    """Return a log in which a hold is taken back before the manager has taken it up."""
    story = Story().signed_in()
    channel = story.call_out()
    story.answered(channel)
    for info in ("hold", "unhold"):
        story.tell(SessionInformed(story.iq(BOB), "s1", info))
    [accepted] = [each.command for each in story.last]
    assert story.tell(HoldStateChanged(channel, 2)) == [RequestHold(channel, False)]
    entries = older(story)
    with_commands(entries, -2, accepted, RequestHold(channel, False), *others)
    with_commands(entries, -1)
    return entries


def lost_relay(story: Relayed, *others: Command) -> list[Entry]:
    """The relay is lost, and by the older rules the call is ended."""
    story.tell(RelayLost("It was restarted."))
    entries = older(story)
    sessions = dict.fromkeys(each.command.session for each in story.issued if isinstance(each.command, OfferRelay))
    with_commands(entries, -1, HangUp(story.channel, 5), *map(DeleteRelay, sessions), *others)
    return entries


def lost_in_call() -> list[Entry]:
    """The relay is lost in the middle of a call."""
    return lost_relay(Relayed(MediaProfile.DTLS).talking_out())


def lost_at_beginning() -> list[Entry]:
    """The relay is lost before it has described the session: the adapter asks it again."""
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    entries = lost_relay(story)
    assert not story.last
    return entries


def lost_in_invitation() -> list[Entry]:
    """The relay is lost while a client rings. When the client calls, too, its call is in the way by today's rules."""
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    entries = lost_relay(story)
    story.calls_out(sid="z")
    refusal = story.the(RefuseIq)
    recorded, _ = story.entries[-1]
    entries.append((replace(recorded, rules=1), ()))
    with_commands(entries, -1, AcceptIq(refusal.iq), OfferRelay("nonce-9", DTLS, MediaProfile.PLAIN))
    return entries


@pytest.mark.parametrize("recorded", [lost_in_call, lost_at_beginning, lost_in_invitation])
def test_a_relay_that_is_asked_again_is_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), RELAY_ASKED_AGAIN)


@pytest.mark.parametrize("other", [Fault("4", "KeyError"), TerminateSession(BOB, DESK, "s9", "gone")])
def test_what_else_was_done_about_a_lost_relay_is_not_explained(other: Command) -> None:
    entries = lost_relay(Relayed(MediaProfile.DTLS).talking_out(), other)
    assert verify(list(correlated(entries))).differences == 1


def test_a_lost_relay_that_is_not_asked_again_is_not_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = lost_in_call()
    monkeypatch.setattr(relay_leg, "lost", lambda leg, event, effects: leg)
    assert verify(list(correlated(entries))).differences == 1


def test_a_refusal_does_not_follow_from_a_call_that_is_over() -> None:
    """The call goes on without its relay, and ends. What is refused after that is so for another reason."""
    story = Relayed(MediaProfile.DTLS).talking_out()
    entries = lost_relay(story)
    before = len(story.entries)
    story.hangs_up("s1")
    story.tell(CallStateChanged(story.channel, CallState.ENDED))
    story.tell(RelayDone(story.id_of(DeleteRelay)))
    assert not story.user.calls
    story.calls_out(sid="s2")
    entries += [(replace(recorded, rules=1), issued) for recorded, issued in story.entries[before:]]
    iq = story.the(AcceptIq).iq
    with_commands(entries, -1, RefuseIq(iq, "wait", "resource-constraint", "No."))
    assert verify(list(correlated(entries))).differences == 1


def test_a_refusal_of_something_else_does_not_follow() -> None:
    """Only whether a call may begin depends on other calls."""
    story = Relayed(MediaProfile.DTLS).talking_out()
    entries = lost_relay(story)
    story.tell(SessionInformed(story.iq(BOB), "unknown", "mute"))
    iq = story.the(RefuseIq).iq
    entries.append((replace(story.entries[-1][0], rules=1), ()))
    with_commands(entries, -1, AcceptIq(iq))
    assert verify(list(correlated(entries))).differences == 1


def test_a_call_out_with_dtls_that_was_ended_at_once_is_explained() -> None:
    story = Securing()
    story.calls_out()
    entries = before(END_TO_END, story)
    offered = entries[-1][0].event
    assert isinstance(offered, SessionInitiated)
    ended = TerminateSession(BOB, DESK, "s1", "unsupported-transports", "There is no media relay.")
    with_commands(entries, -1, AcceptIq(offered.iq), ended)
    only(entries, END_TO_END)


def test_a_call_in_with_dtls_that_was_refused_is_explained() -> None:
    story = Securing()
    story.invites(phone_says("actpass"))
    entries = before(END_TO_END, story)
    arrived = entries[-1][0].event
    assert isinstance(arrived, InviteReceived)
    with_commands(entries, -1, SendResponse(arrived.name, arrived.head, 488, "Not Acceptable Here"))
    only(entries, END_TO_END)


def test_a_phone_that_is_taken_off_hold_once_more_is_explained() -> None:
    story = Phoning().talking()
    story.holds()
    story.answers(sdp(PCMU, senders="responder"))
    story.resumes()
    story.responds(491)
    story.sends("INVITE", sdp(PCMU, senders="responder"))
    story.acknowledges(of=story.response(200).head)
    assert story.methods == ["INVITE"]
    entries = before(DIRECTION_TAKEN_BACK, story)
    entries[-1] = entries[-1][0], ()
    only(entries, DIRECTION_TAKEN_BACK)


def test_a_refresh_that_said_what_was_refused_is_explained_and_the_numbers_since() -> None:
    story = Phoning().talking(headers=SipHeaders(require=("timer",), session_expires=SessionTimer(300, "uac")))
    story.holds()
    refused = story.now("INVITE").body
    story.responds(488)
    story.resumes()
    story.pass_time()
    refreshed = len(story.entries) - 1
    story.answers(sdp(PCMU))
    story.holds()
    assert story.methods == ["INVITE"]
    entries = before(REFRESHED_IN_FORCE, story)
    for place, version in ((refreshed, None), (-1, 99)):
        recorded, issued = entries[place]
        said = [each.command for each in issued if isinstance(each.command, SendRequest)]
        assert [each.method for each in said] == ["INVITE"]
        [body] = [each.body for each in said]
        assert isinstance(body, Sdp)
        then = replace(said[0], body=refused if version is None else replace(body, version=version))
        entries[place] = (
            recorded,
            tuple(replace(each, command=then) if each.command == said[0] else each for each in issued),
        )
    only(entries, REFRESHED_IN_FORCE)
