"""Calls both ways, event by event: what each side is told."""

from typing import get_args

import pytest

from fargo.statemachine import machine
from fargo.statemachine.account.texts import CREDENTIALS_REFUSED, ENGINE_FAILED
from fargo.statemachine.call.call_state import is_live
from fargo.statemachine.legs.telepathy.texts import (
    FAILED,
    NO_EDGE,
    NOT_REACHED,
    NOT_REACHED_SAYING,
    REDIRECTED,
    SAID_BY_SERVER,
    SAID_NOTHING,
)
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    IceUdp,
    Parameter,
    RawUdp,
    UnknownApplication,
)
from fargo.statemachine.model.call1 import (
    AcceptDescription,
    AnswerCall,
    CallArrived,
    CallFailed,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChangeReason,
    CloseChannel,
    CompleteReceiving,
    DescriptionReceived,
    HangUp,
    PlaceCall,
    ReceivingStateChanged,
    RejectDescription,
    RequestHold,
    RingCall,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    AskFeatures,
    Fault,
    InformSession,
    InitiateSession,
    RefuseIq,
    RejectContents,
    SendText,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    FeaturesLearned,
    IqFailed,
    IqSucceeded,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SipSignedOut,
    SipTrouble,
    Stopping,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import (
    ContentAdded,
    ContentChanged,
    SecurityInformed,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)

from .story import ABLE, ADDRESS, BOB, DESK, GATEWAY, NAMED, OFFER, PCMA, PCMU, PHONE, PHONE_ADDRESS, Story


@pytest.fixture
def story() -> Story:
    """A user with one capable client online and the account signed in."""
    return Story().signed_in()


def arrive(story: Story, channel: str = "c1", codecs: tuple[Codec, ...] = (PCMU, PCMA)) -> list[InitiateSession]:
    """Bob calls; the invitations to the user's clients."""
    connection = story.id_of(SignIn)
    story.tell(CallArrived(channel, connection, "sip:bob@sip.test;fg-name=Bob", codecs, PHONE_ADDRESS, 2))
    return story.all(InitiateSession)


def accept(story: Story, sid: str, client: str = DESK, content: Content = OFFER) -> None:
    story.tell(SessionAccepted(story.iq(BOB, client), sid, (content,)))


# --- out


def test_a_call_out_is_put_through_with_the_clients_own_address_and_codecs(story: Story) -> None:
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    placed = story.the(PlaceCall)
    assert story.the(AcceptIq).iq.to == BOB
    assert placed.target == "sip:bob@sip.test"
    assert placed.codecs == (PCMU, PCMA)
    assert placed.candidates == (Candidate(1, "127.0.0.1", 4000), Candidate(2, "127.0.0.1", 4001))


def test_the_invite_leaves_when_receiving_is_pending(story: Story) -> None:
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    channel = story.id_of(PlaceCall)
    assert story.tell(ReceivingStateChanged(channel, 1)) == [CompleteReceiving(channel, 3)]
    assert story.tell(ReceivingStateChanged(channel, 3)) == []


@pytest.mark.parametrize("to", ["bob%sip.test@sip.localhost", "bob\\40sip.test@sip.localhost", "bob@sip.localhost"])
def test_every_way_to_write_a_contact_calls_it(story: Story, to: str) -> None:
    story.tell(SessionInitiated(story.iq(to), "s1", (OFFER,)))
    assert story.the(PlaceCall).target == "sip:bob@sip.test"


def test_the_caller_hears_ringing_once_then_the_phones_answer(story: Story) -> None:
    channel = story.call_out()
    assert story.tell(CallMembersChanged(channel, 1)) == [InformSession(BOB, DESK, "s1", "ringing")]
    assert story.tell(CallMembersChanged(channel, 1)) == []
    story.answered(channel)
    [accepted] = [i.command for i in story.issued if isinstance(i.command, AcceptSession)]
    assert accepted.content.name == "voice"
    assert accepted.content.description == Description("audio", (PCMU,), NAMED)


def test_the_answers_description_is_left_waiting(story: Story) -> None:
    channel = story.call_out()
    story.answered(channel)
    story.tell(IqSucceeded(story.id_of(AcceptSession), DESK))
    story.tell(TimePassed(), 10)
    story.tell(SessionInformed(story.iq(BOB), "s1", "hold"))
    assert story.the(RequestHold).hold
    assert not [i for i in story.issued if isinstance(i.command, AcceptDescription | RejectDescription)]


def test_later_codecs_are_accepted_as_far_as_they_were_agreed(story: Story) -> None:
    channel = story.call_out()
    story.answered(channel)
    again = (PCMA, PCMU, Codec(101, "telephone-event", 8000))
    assert story.tell(DescriptionReceived(channel, again)) == [AcceptDescription(channel, (PCMU,))]
    story.tell(DescriptionReceived(channel, (PCMA,)))
    assert story.the(HangUp).reason == ChangeReason.MEDIA_ERROR
    assert story.the(TerminateSession).condition == "incompatible-parameters"


def test_the_client_hangs_up(story: Story) -> None:
    channel = story.call_out()
    story.answered(channel)
    story.hangs_up("s1")
    assert story.the(HangUp) == HangUp(channel, ChangeReason.USER_REQUESTED)
    assert story.tell(CallStateChanged(channel, CallState.ENDED, 2)) == [CloseChannel(channel)]
    assert story.over()


def test_the_phone_hangs_up(story: Story) -> None:
    channel = story.call_out()
    story.answered(channel)
    assert story.tell(CallStateChanged(channel, CallState.ENDED, 2)) == [
        CloseChannel(channel),
        TerminateSession(BOB, DESK, "s1", "success"),
    ]
    assert story.over()


def says(words: str, code: int) -> str:
    """Return what the caller reads of a status of the called domain."""
    return SAID_BY_SERVER.format(domain="sip.test", words=words, code=code)


@pytest.mark.parametrize(
    ("message", "reason", "condition", "text"),
    [
        ("404 Not Found", 6, "gone", says("Not Found", 404)),
        ("410 Gone", 6, "gone", says("Gone", 410)),
        ("484 Address Incomplete", 9, "gone", says("Address Incomplete", 484)),
        ("408 Request Timeout", 5, "timeout", NOT_REACHED_SAYING.format(said=says("Request Timeout", 408))),
        ("480 Temporarily Unavailable", 5, "timeout", says("Temporarily Unavailable", 480)),
        ("486 Busy Here", 8, "busy", says("Busy Here", 486)),
        ("600 Busy Everywhere", 8, "busy", says("Busy Everywhere", 600)),
        ("603 Decline", 4, "decline", says("Decline", 603)),
        ("403 Forbidden", 7, "security-error", says("Forbidden", 403)),
        ("488 Not Acceptable Here", 2, "incompatible-parameters", says("Not Acceptable Here", 488)),
        ("500 Oops", 10, "general-error", says("Oops", 500)),
        ("503", 10, "connectivity-error", SAID_NOTHING.format(domain="sip.test", code=503)),
        ("302 Moved", 5, "timeout", REDIRECTED.format(domain="sip.test", words="Moved", code=302)),
        ("603  gateway: hello", 4, "decline", says("gateway: hello", 603)),
        ("603 “No.” The gateway adds: “Yes.", 4, "decline", says('"No." The gateway adds: "Yes.', 603)),
        ("504 gateway: The SIP server does not respond", 10, "connectivity-error", "The SIP server does not respond."),
        ("408 gateway: Nobody answered", 5, "timeout", NOT_REACHED),
        ("Request Timeout", 5, "timeout", FAILED.format(words="Request Timeout")),
        ("Off\x1b[2Jline", 11, "connectivity-error", FAILED.format(words="Off?[2Jline")),
        ("", 6, "gone", FAILED.format(words="invalid contact")),
        ("", 99, "general-error", FAILED.format(words="unknown")),
        ("", 2, "incompatible-parameters", FAILED.format(words="user requested")),
        ("Service Unavailable", 10, "connectivity-error", NO_EDGE),
    ],
)
def test_a_failed_call_says_who_said_what(story: Story, message: str, reason: int, condition: str, text: str) -> None:
    channel = story.call_out()
    story.tell(CallStateChanged(channel, CallState.ENDED, reason, "", message))
    assert story.the(TerminateSession) == TerminateSession(BOB, DESK, "s1", condition, text)
    assert story.over()


def test_the_caller_gives_up_before_the_answer(story: Story) -> None:
    channel = story.call_out()
    story.hangs_up("s1", condition="cancel")
    assert story.the(HangUp).channel == channel
    assert not story.all(TerminateSession)


def test_what_comes_after_the_caller_has_given_up_is_not_answered(story: Story) -> None:
    """Above all no INVITE leaves."""
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    channel = story.id_of(PlaceCall)
    story.hangs_up("s1", condition="cancel")
    assert story.tell(ReceivingStateChanged(channel, 1)) == []
    assert story.tell(SendingStateChanged(channel, 1)) == []
    assert story.tell(DescriptionReceived(channel, (PCMU,))) == []


def test_a_client_that_vanishes_ends_its_calls(story: Story) -> None:
    channel = story.call_out()
    story.answered(channel)
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert story.the(HangUp).channel == channel
    assert story.the(TerminateSession).to == DESK, "it may be back already, under the same name"


def test_the_sip_side_refuses_to_place_the_call(story: Story) -> None:
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    story.tell(CallFailed(story.id_of(PlaceCall), "org.example.Error", "no such thing"))
    assert story.the(TerminateSession).condition == "general-error"
    assert story.over()


def test_an_answer_without_audio_ends_the_call_in_time(story: Story) -> None:
    channel = story.call_out()
    story.tell(CallStateChanged(channel, CallState.ACCEPTED))
    [due] = machine.deadlines(story.user)
    story.tell(TimePassed(), due.at - story.at - 0.5)
    assert not story.last
    story.tell(TimePassed(), 0.5)
    assert story.the(HangUp).channel == channel
    assert story.the(TerminateSession).condition == "incompatible-parameters"


def test_an_answer_whose_address_is_a_name_ends_the_call_at_once(story: Story) -> None:
    channel = story.call_out()
    story.tell(CandidatesReceived(channel, (Candidate(1, "phone.local", 5000),)))
    story.tell(DescriptionReceived(channel, (PCMU,)))
    story.tell(CallStateChanged(channel, CallState.ACCEPTED))
    assert story.the(HangUp).reason == ChangeReason.MEDIA_ERROR


def test_a_channel_that_never_ends_is_closed_in_time(story: Story) -> None:
    channel = story.call_out()
    story.hangs_up("s1")
    [due] = machine.deadlines(story.user)
    assert story.tell(TimePassed(), due.at - story.at) == [CloseChannel(channel)]
    assert story.over()


def test_losing_the_connection_ends_its_calls_with_the_reason(story: Story) -> None:
    story.answered(story.call_out())
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.HOST))
    terminated = story.the(TerminateSession)
    assert terminated.condition == "connectivity-error"
    assert terminated.text == ENGINE_FAILED
    assert story.over()


# --- in


def test_a_call_in_rings_every_capable_client(story: Story) -> None:
    story.online(PHONE)
    story.online("alice@localhost/chat", ("urn:xmpp:jingle:1",))
    invitations = arrive(story)
    assert [(i.sender, i.to) for i in invitations] == [(BOB, DESK), (BOB, PHONE)]
    assert len({i.sid for i in invitations}) == 1
    assert invitations[0].content.description == Description("audio", (PCMU, PCMA), NAMED)


def test_the_first_to_accept_wins_and_the_others_are_told(story: Story) -> None:
    story.online(PHONE)
    sid = arrive(story)[0].sid
    accept(story, sid, PHONE)
    assert story.the(TerminateSession).to == DESK
    assert story.the(TerminateSession).condition == "cancel"
    assert story.the(AnswerCall) == AnswerCall("c1", (PCMU, PCMA), ADDRESS.candidates)
    accept(story, sid, DESK)
    assert story.the(RefuseIq).jingle == "unknown-session"


def test_the_caller_hears_ringing_when_a_client_has_the_call(story: Story) -> None:
    arrive(story)
    assert story.tell(IqSucceeded(story.id_of(InitiateSession), DESK)) == [RingCall("c1")]
    assert story.tell(IqSucceeded(story.id_of(InitiateSession), DESK)) == []


def test_the_answer_uses_the_callers_payload_type_numbers(story: Story) -> None:
    opus = Codec(96, "opus", 48000, 2)
    sid = arrive(story, codecs=(opus, PCMU))[0].sid
    theirs = Description("audio", (Codec(111, "OPUS", 48000, 2),), ADDRESS)
    accept(story, sid, content=Content("voice", description=theirs))
    assert [c.id for c in story.the(AnswerCall).codecs] == [96]


def test_an_answer_outside_the_offer_is_not_put_through(story: Story) -> None:
    sid = arrive(story, codecs=(PCMU,))[0].sid
    accept(story, sid, content=Content("voice", description=Description("audio", (PCMA,), ADDRESS)))
    assert story.the(TerminateSession).condition == "incompatible-parameters"
    assert story.the(HangUp).reason == ChangeReason.MEDIA_ERROR


def test_the_caller_gives_up_while_clients_ring(story: Story) -> None:
    story.online(PHONE)
    arrive(story)
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    assert [(t.to, t.condition) for t in story.all(TerminateSession)] == [(DESK, "cancel"), (PHONE, "cancel")]
    assert story.over()


def test_a_client_that_declines_speaks_for_its_user(story: Story) -> None:
    story.online(PHONE)
    sid = arrive(story)[0].sid
    story.hangs_up(sid, client=PHONE, condition="decline")
    assert story.the(TerminateSession).to == DESK
    assert story.the(HangUp).reason == ChangeReason.REJECTED


def test_a_busy_client_leaves_the_call_to_the_others(story: Story) -> None:
    story.online(PHONE)
    sid = arrive(story)[0].sid
    story.hangs_up(sid, client=PHONE, condition="busy")
    assert story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert story.the(HangUp).reason == ChangeReason.BUSY


def test_a_client_that_cannot_be_reached_is_out(story: Story) -> None:
    arrive(story)
    story.tell(IqFailed(story.id_of(InitiateSession), DESK, "service-unavailable"))
    assert story.the(HangUp).reason == ChangeReason.NO_ANSWER


def test_with_nobody_capable_the_call_is_refused_at_once() -> None:
    story = Story()
    story.online(DESK, ())
    story.register()
    assert arrive(story) == []
    assert story.the(HangUp).reason == ChangeReason.NO_ANSWER


def test_a_call_waits_for_a_client_that_is_being_asked() -> None:
    story = Story()
    story.online(DESK, ())
    story.register()
    story.tell(ResourceAvailable(PHONE, GATEWAY, "x#y"))
    assert arrive(story) == []
    assert not story.all(HangUp)
    story.tell(FeaturesLearned(story.id_of(AskFeatures), PHONE, ABLE))
    assert story.the(InitiateSession).to == PHONE


@pytest.mark.parametrize("answers", [True, False])
def test_a_call_does_not_wait_for_ever_for_a_client(answers: bool) -> None:
    story = Story()
    story.online(DESK, ())
    story.register()
    story.tell(ResourceAvailable(PHONE, GATEWAY, "x#y"))
    arrive(story)
    if answers:
        story.tell(FeaturesLearned(story.id_of(AskFeatures), PHONE, ()))
    else:
        due = min(deadline.at for deadline in machine.deadlines(story.user))
        story.tell(TimePassed(), due - story.at)
    assert story.the(HangUp).reason == ChangeReason.NO_ANSWER


def test_a_call_that_ended_before_it_was_seen_is_let_go(story: Story) -> None:
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 6))
    assert story.all(CloseChannel) == [CloseChannel("c1")]
    assert "Missed call from bob@sip.test" in story.the(SendText).text
    assert story.over()


def test_a_call_without_usable_audio_is_refused(story: Story) -> None:
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (), PHONE_ADDRESS, 2))
    assert story.the(HangUp).reason == ChangeReason.MEDIA_ERROR


@pytest.mark.parametrize("uri", ["sip:anonymous@anonymous.invalid", "rubbish", "sip:@;;", "tel:+44"])
def test_a_caller_without_an_address_is_anonymous(story: Story, uri: str) -> None:
    story.tell(CallArrived("c1", story.id_of(SignIn), uri, (PCMU,), PHONE_ADDRESS, 2))
    assert story.the(InitiateSession).sender == "anonymous%anonymous.invalid@sip.localhost/fargo"


# --- refused, with the defined error, and nothing else changed


def test_an_unregistered_user_cannot_call() -> None:
    story = Story()
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    assert story.the(RefuseIq).condition == "registration-required"


def test_a_user_who_is_not_signed_in_is_told_why(story: Story) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.CREDENTIALS))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    refused = story.the(RefuseIq)
    assert refused.condition == "recipient-unavailable"
    assert refused.text.endswith(CREDENTIALS_REFUSED.format(domain="sip.test", uri="sip:alice@sip.test"))


@pytest.mark.parametrize(
    "to",
    ["bob%sip.test\\3e@sip.localhost", "bob%@sip.localhost", "%sip.test@sip.localhost", "b\x01%sip.test@sip.localhost",
     "bob%sip.test;maddr=1.2.3.4@sip.localhost", "sip.localhost", "bob%sip test@sip.localhost"],
)  # fmt: skip
def test_a_jid_that_is_no_sip_address_is_refused(story: Story, to: str) -> None:
    before = story.user
    story.tell(SessionInitiated(story.iq(to), "s1", (OFFER,)))
    assert story.the(RefuseIq).condition == "jid-malformed"
    assert story.user.calls == before.calls


@pytest.mark.parametrize("field", ["name", "value"])
def test_a_line_break_in_a_codec_parameter_does_not_cost_the_call(story: Story, field: str) -> None:
    bad = {"name": Parameter("a\r\nm=video 1", "1"), "value": Parameter("a", "1\r\na=sendonly")}[field]
    description = Description("audio", (Codec(96, "opus", 48000, 2, parameters=(bad,)),), ADDRESS)
    story.tell(SessionInitiated(story.iq(BOB), "s1", (Content("voice", description=description),)))
    assert [(each.id, each.name) for each in story.the(PlaceCall).codecs] == [(96, "opus")]


@pytest.mark.parametrize(
    ("content", "condition"),
    [
        (Content("v", description=Description("video", (PCMU,), ADDRESS)), "unsupported-applications"),
        (Content("f", unknown=UnknownApplication("urn:xmpp:jingle:apps:file-transfer:5")), "unsupported-applications"),
        (Content("a", description=Description("audio", (PCMU,), IceUdp())), "unsupported-transports"),
        (Content("a", description=Description("audio", (PCMU,), RawUdp())), "unsupported-transports"),
        (Content("a", description=Description("audio", (), ADDRESS)), "unsupported-applications"),
        (
            Content("a", description=Description("audio", (Codec(101, "telephone-event", 8000),), ADDRESS)),
            "unsupported-applications",
        ),
        (Content("a", description=Description("audio", (PCMU,), ADDRESS, encryption_required=True)), "security-error"),
    ],
)
def test_an_offer_that_cannot_be_put_through_is_acknowledged_and_ended(
    story: Story, content: Content, condition: str
) -> None:
    story.tell(SessionInitiated(story.iq(BOB), "s1", (content,)))
    assert story.all(AcceptIq)
    assert story.the(TerminateSession).condition == condition
    assert story.over()


def test_of_audio_and_video_the_audio_is_put_through(story: Story) -> None:
    video = Content("video", description=Description("video", (Codec(98, "VP8", 90000),), ADDRESS))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (video, OFFER)))
    assert story.the(PlaceCall).codecs == (PCMU, PCMA)


def test_a_duplicate_session_initiate_is_out_of_order(story: Story) -> None:
    story.call_out()
    before = story.user.calls
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    assert story.the(RefuseIq).jingle == "out-of-order"
    assert len(story.last) == 1
    assert story.user.calls == before


@pytest.mark.parametrize("event", [SessionAccepted, SessionInformed, SessionTerminated, *get_args(ContentChanged)])
def test_an_unknown_session_is_named_as_such(story: Story, event: type) -> None:
    story.call_out()
    details: dict[type, tuple[object, ...]] = {
        SessionAccepted: ((OFFER,),),
        SessionInformed: ("ringing",),
        SessionTerminated: ("success",),
    }
    story.tell(event(story.iq(BOB), "other", *details.get(event, ())))
    assert story.the(RefuseIq).jingle == "unknown-session"
    assert len(story.last) == 1


def test_another_client_cannot_meddle_in_a_session(story: Story) -> None:
    story.online(PHONE)
    story.call_out()
    story.hangs_up("s1", client=PHONE)
    assert story.the(RefuseIq).jingle == "unknown-session"


@pytest.mark.parametrize("info", [None, "active", "mute", "unmute", "ringing", "trying", "received"])
def test_information_without_consequence_is_acknowledged(story: Story, info: str | None) -> None:
    story.call_out()
    story.tell(SessionInformed(story.iq(BOB), "s1", info))
    assert len(story.all(AcceptIq)) == len(story.last) == 1


def test_what_is_not_supported_is_refused_and_the_call_goes_on(story: Story) -> None:
    story.answered(story.call_out())
    before = story.user.calls
    story.tell(SessionInformed(story.iq(BOB), "s1", "dtmf"))
    assert story.the(RefuseIq).jingle == "unsupported-info"
    story.tell(SecurityInformed(story.iq(BOB), "s1", (OFFER,)))
    assert story.the(RefuseIq).condition == "feature-not-implemented"
    story.tell(ContentAdded(story.iq(BOB), "s1", (OFFER,)))
    assert story.the(RejectContents).action == "content-reject"
    story.tell(TransportInformed(story.iq(BOB), "s1"))
    assert story.all(AcceptIq)
    assert story.user.calls == before


def test_the_ninth_call_at_once_is_refused(story: Story) -> None:
    for number in range(8):
        story.call_out(f"s{number}")
    story.tell(SessionInitiated(story.iq(BOB), "s9", (OFFER,)))
    assert story.the(RefuseIq).condition == "resource-constraint"
    assert len(story.user.calls) == 8


# --- the gateway as a whole


def test_a_restart_ends_what_was_open(story: Story) -> None:
    story.answered(story.call_out())
    story.tell(Restarted())
    assert story.the(TerminateSession).condition == "connectivity-error"
    assert story.over()
    assert not story.user.contacts.clients


def test_stopping_hangs_up_and_signs_out(story: Story) -> None:
    channel = story.call_out()
    story.answered(channel)
    story.tell(Stopping())
    assert story.the(HangUp).channel == channel
    assert story.all(TerminateSession)
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    assert not story.all(SignIn)


def test_a_bug_ends_one_call_and_is_written_down(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = story.call_out("s1")
    story.answered(story.call_out("s2"))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("fargo.statemachine.legs.telepathy.telepathy_leg.fold", broken)
    story.tell(CallMembersChanged(channel, 1))
    assert story.the(Fault).error == "ZeroDivisionError: a bug"
    assert story.the(TerminateSession).sid == "s1"
    assert story.the(HangUp).channel == channel
    assert [call.sip.name for call in story.user.calls.values() if is_live(call)] != [channel]
