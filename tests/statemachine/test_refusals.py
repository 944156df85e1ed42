"""Refusals and their texts, to the user's clients and to callers."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.account.texts import CHANGING, CREDENTIALS_REFUSED, SERVER_UNREACHABLE
from fargo.statemachine.call.texts import ANONYMOUS
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.jingle.texts import GLARE, OUT_OF_ORDER, UNSUPPORTED_ACTION, UNSUPPORTED_INFO
from fargo.statemachine.legs.telepathy.texts import (
    ANSWER_WITHOUT_AUDIO,
    CALLER_GAVE_UP,
    CHANNEL_GONE,
    CODEC_CHANGED,
    OFFER_WITHOUT_AUDIO,
    REFUSED_BY_MANAGER,
)
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, RawUdp, UnknownTransport
from fargo.statemachine.media.texts import (
    BAD_PORT,
    NO_RTP_AUDIO,
    NO_SHARED_CODEC,
    NO_VOICE_CODEC,
    UNKNOWN_TRANSPORT,
)
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallFailed,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChannelClosed,
    CloseChannel,
    DescriptionReceived,
    HangUp,
    PlaceCall,
    RingCall,
)
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    Command,
    InformSession,
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    SendText,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    Event,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    SipSignedOut,
    SipTrouble,
    Stopping,
)
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentModified,
    DescriptionInformed,
    SecurityInformed,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)
from fargo.statemachine.texts import (
    CALLED_BY_THEM,
    CALLED_IN_TOO_MANY_CALLS,
    CALLED_NOT_SIGNED_IN,
    CALLING_YOU,
    NOT_SIGNED_IN,
    OWN_ADDRESS,
    REGISTRATION_CANCELLED,
    RESTARTED,
    STOPPING,
    TOO_MANY_CALLS,
)

from .story import ABLE, ADDRESS, ALICE, BOB, DESK, GATEWAY, NAMED, OFFER, PCMA, PCMU, PHONE, PHONE_ADDRESS, Story

BARE = BOB.partition("/")[0]
ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")
OFFLINE = "The XMPP client went offline."


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


def arrive(
    story: Story,
    caller: str = "sip:bob@sip.test",
    codecs: tuple[Codec, ...] = (PCMU,),
    channel: str = "c1",
    state: int = 3,
) -> list[Command]:
    return story.tell(CallArrived(channel, story.id_of(SignIn), caller, codecs, PHONE_ADDRESS, state))


def invited(story: Story) -> str:
    """Bob calls a client of Alice's directly; the session id."""
    arrive(story)
    return story.all(InitiateSession)[0].sid


def proposed_to() -> tuple[Story, str]:
    """Bob calls a phone of Alice's that is asked first; the session id."""
    story = Story()
    story.online(PHONE, ASKS_FIRST)
    story.register()
    arrive(story)
    return story, story.the(ProposeCall).sid


def missed(of: str = BARE, who: str = "bob@sip.test", at: float = 1005.0) -> SendText:
    return SendText(of, ALICE, f"Missed call from {who}.", at)


# --- a call out that cannot be


def test_nobody_calls_themselves(story: Story) -> None:
    iq = story.iq("alice%sip.test@sip.localhost/fargo")
    said = OWN_ADDRESS
    assert story.tell(SessionInitiated(iq, "s1", (OFFER,))) == [RefuseIq(iq, "cancel", "not-allowed", said)]
    story.tell(CallProposed(PHONE, "alice@sip.localhost", "p1", ("audio",)))
    assert story.the(MessageCall) == MessageCall(
        "alice@sip.localhost/fargo", PHONE, "p1", CallAction.REJECT, "gone", said
    )


@pytest.mark.parametrize(
    "odd",
    [Codec(96, "op\nus", 48000), Codec(96, "op us", 48000), Codec(128, "x", 8000), Codec(-1, "x", 8000)],
    ids=repr,
)
def test_an_odd_codec_costs_no_more_than_itself(story: Story, odd: Codec) -> None:
    content = Content("voice", description=Description("audio", (odd, PCMU), ADDRESS))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (content,)))
    assert story.the(PlaceCall).codecs == (PCMU,)


def test_a_call_with_none_but_odd_codecs_ends_with_the_reason(story: Story) -> None:
    content = Content("voice", description=Description("audio", (Codec(96, "op\nus", 48000),), ADDRESS))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (content,)))
    assert story.the(TerminateSession) == TerminateSession(BOB, DESK, "s1", "unsupported-applications", NO_VOICE_CODEC)


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_out_of_range_is_named(story: Story, port: int) -> None:
    transport = RawUdp((Candidate(1, "127.0.0.1", port),))
    offer = Content("v", description=Description("audio", (PCMU,), transport))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (offer,)))
    assert story.the(RefuseIq).text == BAD_PORT.format(port=port)


@pytest.mark.parametrize(("codec", "port"), [(Codec(127, "x", 8000), 65535), (PCMU, 1)])
def test_the_edges_of_the_ranges_are_within(story: Story, codec: Codec, port: int) -> None:
    transport = RawUdp((Candidate(1, "127.0.0.1", port),))
    story.tell(
        SessionInitiated(story.iq(BOB), "s1", (Content("v", description=Description("audio", (codec,), transport)),))
    )
    rtcp = min(port + 1, 65535)
    assert story.the(PlaceCall).candidates == (Candidate(1, "127.0.0.1", port), Candidate(2, "127.0.0.1", rtcp))


def test_rtcp_may_be_expected_elsewhere(story: Story) -> None:
    transport = RawUdp((Candidate(1, "127.0.0.1", 4000), Candidate(2, "127.0.0.9", 4444)))
    offer = Content("v", description=Description("audio", (PCMU,), transport))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (offer,)))
    assert story.the(PlaceCall).candidates == transport.candidates


def test_an_unknown_transport_is_no_address(story: Story) -> None:
    offer = Content("v", description=Description("audio", (PCMU,), UnknownTransport("urn:x")))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (offer,)))
    said = UNKNOWN_TRANSPORT
    assert story.the(TerminateSession) == TerminateSession(BOB, DESK, "s1", "unsupported-transports", said)


def test_an_offer_turned_down_is_ended_between_the_two_it_is_between(story: Story) -> None:
    iq = story.iq(BOB)
    said = NO_RTP_AUDIO
    assert story.tell(SessionInitiated(iq, "s1", (Content("file"),))) == [
        AcceptIq(iq),
        TerminateSession(BOB, DESK, "s1", "unsupported-applications", said),
    ]


def test_a_proposed_call_turned_down_is_finished_too(story: Story) -> None:
    story.tell(CallProposed(DESK, BARE, "s1", ("audio",)))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (Content("file"),)))
    assert story.the(MessageCall).action is CallAction.FINISH
    assert not story.proposals()


def test_who_is_not_signed_in_is_told_why(story: Story) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.CREDENTIALS))
    iq = story.iq(BOB)
    refused = CREDENTIALS_REFUSED.format(domain="sip.test", uri="sip:alice@sip.test")
    said = NOT_SIGNED_IN.format(status=refused)
    assert story.tell(SessionInitiated(iq, "s1", (OFFER,))) == [RefuseIq(iq, "wait", "recipient-unavailable", said)]
    story.tell(CallProposed(DESK, BARE, "p1", ("audio",)))
    assert story.the(MessageCall) == MessageCall(BOB, DESK, "p1", CallAction.REJECT, "timeout", said)


def test_who_is_in_too_many_calls_is_busy(story: Story) -> None:
    for number in range(8):
        story.call_out(f"s{number}")
    said = TOO_MANY_CALLS.format(most=8)
    story.tell(CallProposed(DESK, BARE, "p1", ("audio",)))
    assert story.the(MessageCall) == MessageCall(BOB, DESK, "p1", CallAction.REJECT, "busy", said)
    said = CALLED_IN_TOO_MANY_CALLS
    assert arrive(story)[0] == HangUp("c1", 8, said)


def test_a_phone_rings_when_it_says_so(story: Story) -> None:
    channel = story.call_out("s1")
    assert story.tell(CallMembersChanged(channel, 0)) == []
    assert story.tell(CallMembersChanged(channel, 2)) == []
    assert story.tell(CallMembersChanged(channel, 1)) == [InformSession(BOB, DESK, "s1", "ringing")]


# --- actions that do not fit


def test_what_does_not_fit_is_out_of_order(story: Story) -> None:
    story.call_out("s1")
    before = story.user.calls
    for event in (
        SessionInitiated(story.iq(BOB), "s1", (OFFER,)),
        SessionAccepted(story.iq(BOB), "s1", (OFFER,)),
        SessionInformed(story.iq(BOB), "s1", "hold"),
    ):
        assert story.tell(event) == [RefuseIq(event.iq, "wait", "unexpected-request", OUT_OF_ORDER, "out-of-order")]
    assert story.user.calls == before


def test_a_call_that_is_over_is_known_no_longer(story: Story) -> None:
    """Though the SIP side has not said that it is."""
    story.call_out("s1")
    story.hangs_up("s1")
    story.tell(SessionInformed(story.iq(BOB), "s1", "ringing"))
    assert story.the(RefuseIq).jingle == "unknown-session"


def test_what_cannot_be_done_is_refused_by_name(story: Story) -> None:
    story.call_out("s1")
    iq = story.iq(BOB)
    assert story.tell(SessionInformed(iq, "s1", "dtmf")) == [
        RefuseIq(
            iq,
            "modify",
            "feature-not-implemented",
            UNSUPPORTED_INFO.format(info="dtmf"),
            "unsupported-info",
        )
    ]
    for kind in (SecurityInformed, ContentModified):
        iq = story.iq(BOB)
        said = UNSUPPORTED_ACTION.format(action=kind.action)
        assert story.tell(kind(iq, "s1", (OFFER,))) == [RefuseIq(iq, "cancel", "feature-not-implemented", said)]
    for harmless in (TransportInformed, DescriptionInformed):
        iq = story.iq(BOB)
        assert story.tell(harmless(iq, "s1")) == [AcceptIq(iq)]


def test_a_malformed_request_is_a_bad_one(story: Story) -> None:
    iq = story.iq()
    assert story.tell(IqMalformed(iq, "No.")) == [RefuseIq(iq, "modify", "bad-request", "No.")]


# --- a client refuses what we say


def test_a_client_that_refuses_our_answer_ends_the_call(story: Story) -> None:
    channel = story.call_out("s1")
    story.tell(CandidatesReceived(channel, PHONE_ADDRESS))
    story.tell(DescriptionReceived(channel, (PCMU,)))
    story.tell(CallStateChanged(channel, CallState.ACCEPTED))
    answer = story.id_of(AcceptSession)
    assert story.the(AcceptSession) == AcceptSession(
        BOB, DESK, "s1", Content("voice", description=Description("audio", (PCMU,), NAMED))
    )
    story.tell(IqFailed(answer, PHONE, "bad-request"))
    assert not story.last, "another client's word does not count"
    said = "The XMPP client refused the answer: bad-request"
    assert story.tell(IqFailed(answer, DESK, "bad-request")) == [
        TerminateSession(BOB, DESK, "s1", "general-error", said),
        HangUp(channel, 5, said),
    ]


@pytest.mark.parametrize("condition", ["item-not-found", "service-unavailable", "gone", "recipient-unavailable"])
def test_a_client_that_is_gone_ends_the_call(story: Story, condition: str) -> None:
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    assert story.tell(IqFailed(story.id_of(InformSession), DESK, condition)) == [HangUp(channel, 5, OFFLINE)]


def test_the_end_of_a_proposed_call_is_told_to_a_client_that_is_gone(story: Story) -> None:
    story.tell(CallProposed(DESK, BARE, "s1", ("audio",)))
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    assert story.tell(IqFailed(story.id_of(InformSession), DESK, "gone")) == [
        MessageCall(BOB, DESK, "s1", CallAction.FINISH, "connectivity-error", OFFLINE),
        HangUp(channel, 5, OFFLINE),
    ]


def test_what_changes_nothing_leaves_the_very_same_calls(story: Story) -> None:
    channel = story.call_out("s1")
    before = story.user.calls
    story.tell(CallMembersChanged(channel, 0))
    story.tell(SessionInformed(story.iq(BOB), "s1", "mute"))
    assert story.user.calls is before


def test_an_information_that_is_refused_does_no_harm(story: Story) -> None:
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    assert story.tell(IqFailed(story.id_of(InformSession), DESK, "feature-not-implemented")) == []
    assert story.user.calls
    assert not story.user.pending


def test_a_client_that_goes_offline_is_told_that_it_is_out(story: Story) -> None:
    channel = story.call_out("s1")
    assert story.tell(ResourceUnavailable(ALICE, GATEWAY))[:2] == [
        TerminateSession(BOB, DESK, "s1", "connectivity-error", OFFLINE),
        HangUp(channel, 5, OFFLINE),
    ]


def test_another_client_that_goes_offline_changes_nothing(story: Story) -> None:
    story.online(PHONE)
    story.call_out("s1")
    assert story.tell(ResourceUnavailable(PHONE, GATEWAY)) == []
    [call] = story.user.calls.values()
    assert [session.client for session in sessions(call.jingle)] == [DESK]


# --- the user ends it


def test_a_client_says_why_it_hangs_up(story: Story) -> None:
    channel = story.call_out("s1")
    iq = story.iq(BOB)
    assert story.tell(SessionTerminated(iq, "s1", "success", "Dinner.")) == [
        AcceptIq(iq),
        HangUp(channel, 2, "Dinner."),
    ]


def test_a_client_that_takes_its_proposal_back_ends_the_call(story: Story) -> None:
    story.tell(CallProposed(DESK, BARE, "s1", ("audio",)))
    channel = story.call_out("s1")
    for action in (CallAction.RINGING, CallAction.PROCEED, CallAction.ACCEPT, CallAction.REJECT):
        assert story.tell(CallMessaged(DESK, BOB, "s1", action)) == []
    assert story.tell(CallMessaged(DESK, BARE, "s1", CallAction.RETRACT, "cancel", "Dinner.")) == [
        TerminateSession(BOB, DESK, "s1", "cancel", "Dinner."),
        MessageCall(BOB, DESK, "s1", CallAction.FINISH, "cancel", "Dinner."),
        HangUp(channel, 2, "Dinner."),
    ]


def test_a_proposed_call_may_be_finished_without_a_reason(story: Story) -> None:
    story.tell(CallProposed(DESK, BARE, "s1", ("audio",)))
    channel = story.call_out("s1")
    story.answered(channel)
    for sender, to, sid in ((PHONE, BOB, "s1"), (DESK, GATEWAY, "s1"), (DESK, BOB, "s2")):
        assert story.tell(CallMessaged(sender, to, sid, CallAction.FINISH)) == []
    assert story.tell(CallMessaged(DESK, BOB, "s1", CallAction.FINISH)) == [
        TerminateSession(BOB, DESK, "s1", "success"),
        MessageCall(BOB, DESK, "s1", CallAction.FINISH, "success"),
        HangUp(channel, 2),
    ]


# --- the SIP side ends it


def test_an_answer_that_cannot_be_used_says_whose(story: Story) -> None:
    channel = story.call_out("s1")
    story.tell(CandidatesReceived(channel, PHONE_ADDRESS))
    story.tell(DescriptionReceived(channel, (Codec(9),)))
    said = ANSWER_WITHOUT_AUDIO
    assert story.tell(CallStateChanged(channel, CallState.ACCEPTED)) == [
        HangUp(channel, 12, said),
        TerminateSession(BOB, DESK, "s1", "incompatible-parameters", said),
    ]


@pytest.mark.parametrize("last", range(3))
def test_an_answer_is_complete_in_whatever_order_it_comes(story: Story, last: int) -> None:
    channel = story.call_out("s1")
    events: list[Event] = [
        CandidatesReceived(channel, PHONE_ADDRESS),
        DescriptionReceived(channel, (PCMU,)),
        CallStateChanged(channel, CallState.ACTIVE),
    ]
    latest = events.pop(last)
    for event in events:
        assert story.tell(event) == []
    story.tell(latest)
    assert story.the(AcceptSession).content.description == Description("audio", (PCMU,), NAMED)


def test_rtcps_address_alone_is_no_answer(story: Story) -> None:
    channel = story.call_out("s1")
    story.tell(CallStateChanged(channel, CallState.ACCEPTED))
    story.tell(DescriptionReceived(channel, (PCMU,)))
    assert story.tell(CandidatesReceived(channel, PHONE_ADDRESS[1:])) == []
    assert story.tell(CandidatesReceived(channel, PHONE_ADDRESS[:1]))


def test_later_codecs_that_do_not_fit_end_the_call(story: Story) -> None:
    channel = story.call_out("s1")
    story.answered(channel)
    said = CODEC_CHANGED
    assert story.tell(DescriptionReceived(channel, (PCMA,))) == [
        HangUp(channel, 12, said),
        TerminateSession(BOB, DESK, "s1", "incompatible-parameters", said),
    ]


def test_a_call_that_fails_says_what_the_sip_side_says(story: Story) -> None:
    for message, told in (("no such thing", "no such thing"), ("", "org.example.Error")):
        channel = story.call_out("s1")
        assert story.tell(CallFailed(channel, "org.example.Error", message)) == [
            CloseChannel(channel),
            TerminateSession(BOB, DESK, "s1", "general-error", REFUSED_BY_MANAGER.format(words=told)),
        ]


def test_a_channel_that_goes_takes_its_call_along(story: Story) -> None:
    channel = story.call_out("s1")
    assert story.tell(ChannelClosed(channel)) == [TerminateSession(BOB, DESK, "s1", "connectivity-error", CHANNEL_GONE)]
    assert not story.user.calls


def test_a_lost_connection_says_whose(story: Story) -> None:
    story.call_out("s1")
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    assert story.the(TerminateSession) == TerminateSession(
        BOB,
        DESK,
        "s1",
        "connectivity-error",
        SERVER_UNREACHABLE.format(uri="sip:alice@sip.test"),
    )


def test_another_connections_loss_ends_no_call(story: Story) -> None:
    story.call_out("s1")
    assert story.tell(SipSignedOut("other", SipTrouble.NETWORK)) == []
    assert len(story.user.calls) == 1


def test_a_call_out_is_refused_while_the_account_is_being_changed(story: Story) -> None:
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test", port=5062), "s2", "n"))
    iq = story.iq(BOB)
    said = NOT_SIGNED_IN.format(status=CHANGING)
    assert story.tell(SessionInitiated(iq, "s1", (OFFER,))) == [RefuseIq(iq, "wait", "recipient-unavailable", said)]


# --- the gateway ends it


@pytest.mark.parametrize(
    ("event", "condition", "said"),
    [
        (Restarted(), "connectivity-error", RESTARTED),
        (Stopping(), "connectivity-error", STOPPING),
    ],
)
def test_the_gateway_says_why_it_ends_calls(
    story: Story, event: Restarted | Stopping, condition: str, said: str
) -> None:
    channel = story.call_out("s1")
    story.tell(CallProposed(PHONE, BARE, "p1", ("audio",)))
    story.tell(event)
    assert story.the(TerminateSession) == TerminateSession(BOB, DESK, "s1", condition, said)
    assert story.all(HangUp) == ([HangUp(channel, 5, said)] if event == Stopping() else [])
    assert bool(story.proposals()) == (event == Stopping())


@pytest.mark.parametrize("event", [Restarted(), Stopping(), SipSignedOut("3.0", SipTrouble.NETWORK)])
def test_a_call_that_rings_when_the_gateway_ends_it_is_missed(story: Story, event: Restarted | Stopping) -> None:
    invited(story)
    story.tell(event)
    assert story.all(SendText) == [missed()]


def test_cancelling_the_registration_ends_calls_and_proposals(story: Story) -> None:
    channel = story.call_out("s1")
    story.tell(CallProposed(PHONE, BARE, "p1", ("audio",)))
    said = REGISTRATION_CANCELLED
    assert story.tell(RegistrationCancelled(story.iq()))[:3] == [
        TerminateSession(BOB, DESK, "s1", "cancel", said),
        HangUp(channel, 2, said),
        SignOut(story.id_of(SignIn)),
    ]
    assert not story.proposals()


# --- a call in


def test_a_call_over_a_connection_that_is_gone_is_refused(story: Story) -> None:
    said = CALLED_NOT_SIGNED_IN
    arrived = CallArrived("c1", "other", "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3)
    assert story.tell(arrived) == [HangUp("c1", 5, said)]


def test_a_call_to_nobody_online_is_refused_and_left_to_read() -> None:
    story = Story()
    story.register()
    assert arrive(story) == [HangUp("c1", 5, "None of the called user's clients can take a call."), missed(at=1003.0)]
    assert [due.name for due in machine.deadlines(story.user)][1:] == ["call 3: the end of the SIP call"]


def test_a_call_without_audio_is_refused_and_left_to_read(story: Story) -> None:
    said = OFFER_WITHOUT_AUDIO
    assert arrive(story, codecs=()) == [HangUp("c1", 12, said), missed()]


def test_a_call_that_is_signalled_twice_is_one(story: Story) -> None:
    arrive(story)
    before = story.user.calls
    assert arrive(story) == []
    assert story.user.calls == before
    assert arrive(story, channel="c2")
    assert len(story.user.calls) == 2


def test_a_call_that_came_and_went(story: Story) -> None:
    assert arrive(story, state=6) == [CloseChannel("c1"), missed()]


@pytest.mark.parametrize(
    ("caller", "of", "who"),
    [
        ("sip:bob@sip.test;fg-name=Bob%20%0AB", BARE, "Bob B (bob@sip.test)"),
        ("tel:1", "anonymous%anonymous.invalid@sip.localhost", ANONYMOUS),
        ("tel:1;fg-name=Bob", "anonymous%anonymous.invalid@sip.localhost", "Bob"),
        ("sip:sip.test;fg-name=Bob", "anonymous%anonymous.invalid@sip.localhost", "Bob"),
        ("sip:b%C2%80ob@sip.test;fg-name=Bob", "anonymous%anonymous.invalid@sip.localhost", "Bob"),
        ("sip:01632960000@198.51.100.7", "01632960000@sip.localhost", "01632960000@sip.test"),
        ("sip:Bob@SIP.test:5060", BARE, "Bob@sip.test"),
        ("sip:b%EE%80%80@sip.test;fg-name=Bob", "anonymous%anonymous.invalid@sip.localhost", "Bob"),
        (f"sip:bob@sip.test;fg-name={'x' * 90}", BARE, f"{'x' * 80} (bob@sip.test)"),
    ],
)
def test_who_called_is_said_as_well_as_it_is_known(story: Story, caller: str, of: str, who: str) -> None:
    arrive(story, caller)
    assert story.the(InitiateSession).sender == f"{of}/fargo"
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    assert replace(story.the(SendText), nick=None) == missed(of, who)


def test_a_caller_who_gives_up_is_said_to(story: Story) -> None:
    sid = invited(story)
    assert story.tell(CallStateChanged("c1", CallState.ENDED, 2)) == [
        CloseChannel("c1"),
        TerminateSession(BOB, DESK, sid, "cancel", CALLER_GAVE_UP),
        missed(),
    ]


def test_an_answered_call_is_not_missed(story: Story) -> None:
    sid = invited(story)
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    assert story.tell(CallStateChanged("c1", CallState.ENDED, 2)) == [
        CloseChannel("c1"),
        TerminateSession(BOB, DESK, sid, "success"),
    ]


def test_a_client_rings_and_says_so_by_itself(story: Story) -> None:
    sid = invited(story)
    for info in (None, "trying", "mute"):
        iq = story.iq(BOB)
        assert story.tell(SessionInformed(iq, sid, info)) == [AcceptIq(iq)]
    iq = story.iq(BOB)
    assert story.tell(SessionInformed(iq, sid, "ringing")) == [AcceptIq(iq), RingCall("c1")]


def test_an_acceptance_with_a_bad_port_is_refused_and_may_come_again(story: Story) -> None:
    sid = invited(story)
    bad = Content("voice", description=Description("audio", (PCMU,), RawUdp((Candidate(1, "127.0.0.1", 0),))))
    iq = story.iq(BOB)
    said = BAD_PORT.format(port=0)
    assert story.tell(SessionAccepted(iq, sid, (bad,))) == [RefuseIq(iq, "modify", "bad-request", said)]
    iq = story.iq(BOB)
    assert story.tell(SessionAccepted(iq, sid, (OFFER,)))[0] == AcceptIq(iq)


@pytest.mark.parametrize(
    ("content", "condition", "said"),
    [
        (
            Content("voice", description=Description("audio", (PCMA,), ADDRESS)),
            "incompatible-parameters",
            NO_SHARED_CODEC,
        ),
        (
            Content("voice"),
            "unsupported-applications",
            NO_RTP_AUDIO,
        ),
    ],
)
def test_an_acceptance_that_does_not_fit_is_taken_and_ended(
    story: Story, content: Content, condition: str, said: str
) -> None:
    sid = invited(story)
    iq = story.iq(BOB)
    assert story.tell(SessionAccepted(iq, sid, (content,))) == [
        AcceptIq(iq),
        TerminateSession(BOB, DESK, sid, condition, said),
        HangUp("c1", 12, said),
        missed(),
    ]


def test_who_declines_may_say_why(story: Story) -> None:
    story.online(PHONE)
    sid = invited(story)
    iq = story.iq(BOB, PHONE)
    assert story.tell(SessionTerminated(iq, sid, "decline", "In a meeting.")) == [
        AcceptIq(iq),
        TerminateSession(BOB, DESK, sid, "cancel", "The call was declined on another device."),
        HangUp("c1", 4, "In a meeting."),
    ]


def test_a_called_client_that_hangs_up_declines(story: Story) -> None:
    sid = invited(story)
    story.tell(SessionTerminated(story.iq(BOB), sid, "success", "In a meeting."))
    assert story.the(HangUp) == HangUp("c1", 4, "In a meeting.")


def test_the_caller_hears_the_most_telling_of_two_refusals(story: Story) -> None:
    story.online(PHONE)
    sid = invited(story)
    story.tell(SessionTerminated(story.iq(BOB, PHONE), sid, "busy", "On another line."))
    story.tell(SessionTerminated(story.iq(BOB, DESK), sid, "unsupported-transports", "No."))
    assert story.the(HangUp) == HangUp("c1", 8, "On another line.")


def test_a_client_that_is_alone_may_be_told_twice(story: Story) -> None:
    """An answer to a command of an earlier turn concerns the session that it was for."""
    story.online(PHONE)
    sid = invited(story)
    [to_desk, to_phone] = [each.id for each in story.last if isinstance(each.command, InitiateSession)]
    assert story.tell(IqFailed(to_phone, DESK, "gone")) == []
    assert story.tell(IqFailed(to_phone, PHONE, "gone")) == []
    assert story.tell(IqSucceeded(to_desk, DESK)) == [RingCall("c1")]
    assert sid


def test_a_client_that_accepts_and_then_refuses_the_invitation_is_out(story: Story) -> None:
    sid = invited(story)
    invitation = story.id_of(InitiateSession)
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    said = "The XMPP client refused the answer: bad-request"
    assert story.tell(IqFailed(invitation, DESK, "bad-request")) == [
        TerminateSession(BOB, DESK, sid, "general-error", said),
        HangUp("c1", 5, said),
    ]


def test_the_caller_hears_ringing_once(story: Story) -> None:
    story.online(PHONE)
    arrive(story)
    [to_desk, to_phone] = [each.id for each in story.last if isinstance(each.command, InitiateSession)]
    assert story.tell(IqSucceeded(to_desk, DESK)) == [RingCall("c1")]
    assert story.tell(IqSucceeded(to_phone, PHONE)) == []


# --- a call in that is proposed


def test_a_winner_by_session_accept_takes_the_proposal_back() -> None:
    story = Story().signed_in()
    story.online(PHONE, ASKS_FIRST)
    arrive(story)
    sid = story.the(ProposeCall).sid
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    said = "The call was answered on another device."
    assert story.the(MessageCall) == MessageCall(BOB, ALICE, sid, CallAction.RETRACT, "cancel", said)


def test_a_proposal_is_about_its_own_session_and_contact() -> None:
    story, sid = proposed_to()
    before = story.user.calls
    for to, other in ((GATEWAY, sid), (BOB, "other")):
        assert story.tell(CallMessaged(PHONE, to, other, CallAction.PROCEED)) == []
    for action in (CallAction.ACCEPT, CallAction.RETRACT):
        assert story.tell(CallMessaged(PHONE, BOB, sid, action)) == []
    assert story.tell(IqFailed("0.0", ALICE, "gone")) == []
    assert story.user.calls == before


def test_an_answer_in_another_call_is_not_one_to_the_proposal() -> None:
    story, _ = proposed_to()
    channel = story.call_out("s1", "carol@sip.localhost/fargo")
    story.tell(CallMembersChanged(channel, 1))
    assert story.tell(IqFailed(story.id_of(InformSession), DESK, "gone")) == [HangUp(channel, 5, OFFLINE)]


@pytest.mark.parametrize(
    ("condition", "reason"), [("", 4), ("decline", 4), ("busy", 8), ("cancel", 4), ("nonsense", 4)]
)
def test_a_rejected_proposal_says_why(condition: str, reason: int) -> None:
    story, sid = proposed_to()
    assert story.tell(CallMessaged(PHONE, BARE, sid, CallAction.REJECT, condition, "In a meeting.")) == [
        MessageCall(BOB, ALICE, sid, CallAction.RETRACT, "cancel", "The call was declined on another device."),
        HangUp("c1", reason, "In a meeting."),
    ]


def test_who_proceeds_is_invited_under_the_same_id() -> None:
    story = Story().signed_in()
    story.online(PHONE, ASKS_FIRST)
    arrive(story)
    sid = story.the(ProposeCall).sid
    offer = Content("voice", description=Description("audio", (PCMU,), NAMED))
    assert story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED)) == [
        TerminateSession(BOB, DESK, sid, "cancel", "The call was answered on another device."),
        InitiateSession(BOB, PHONE, sid, offer, introduces=True),
    ]
    story.tell(SessionTerminated(story.iq(BOB, PHONE), sid, "decline", "No."))
    assert story.all(MessageCall) == [MessageCall(BOB, PHONE, sid, CallAction.FINISH, "decline", "No.")]
    assert story.the(HangUp) == HangUp("c1", 4, "No.")


def test_a_proposed_call_that_was_answered_is_not_missed() -> None:
    story, sid = proposed_to()
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
    story.tell(SessionAccepted(story.iq(BOB, PHONE), sid, (OFFER,)))
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.FINISH))
    assert story.all(HangUp)
    assert not story.all(SendText)


def test_who_proceeds_and_goes_offline_is_out() -> None:
    story, sid = proposed_to()
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
    story.tell(ResourceUnavailable(PHONE, GATEWAY))
    assert story.the(TerminateSession) == TerminateSession(BOB, PHONE, sid, "connectivity-error", OFFLINE)
    assert story.the(HangUp).reason == 5


def test_a_caller_who_gives_up_takes_the_proposal_along() -> None:
    story, sid = proposed_to()
    assert story.tell(CallStateChanged("c1", CallState.ENDED, 2)) == [
        CloseChannel("c1"),
        MessageCall(BOB, ALICE, sid, CallAction.RETRACT, "cancel", CALLER_GAVE_UP),
        missed(),
    ]


def test_who_proceeds_may_still_reject() -> None:
    story, sid = proposed_to()
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
    assert story.tell(CallMessaged(PHONE, BOB, sid, CallAction.RINGING)) == []
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.REJECT, "", "No."))
    assert story.the(HangUp) == HangUp("c1", 4, "No.")


def test_a_reason_of_nobodys_is_a_general_error(story: Story) -> None:
    story.tell(CallProposed(DESK, BARE, "s1", ("audio",)))
    story.call_out("s1")
    story.hangs_up("s1", condition="nonsense")
    assert story.the(MessageCall) == MessageCall(BOB, DESK, "s1", CallAction.FINISH, "general-error")


# --- proposals of the user's


def test_a_proposal_of_video_alone_is_rejected(story: Story) -> None:
    assert story.tell(CallProposed(PHONE, BOB, "p1", ("video",))) == [
        MessageCall(
            BOB, PHONE, "p1", CallAction.REJECT, "unsupported-applications", "This gateway carries voice calls only."
        )
    ]


def test_a_proposal_is_taken_back_by_who_made_it(story: Story) -> None:
    story.tell(CallProposed(PHONE, BARE, "p1", ("audio",)))
    story.tell(CallProposed(PHONE, BARE, "p2", ("audio",)))
    for sender, sid, action in (
        (DESK, "p1", CallAction.RETRACT),
        (PHONE, "p3", CallAction.RETRACT),
        (PHONE, "p1", CallAction.REJECT),
    ):
        story.tell(CallMessaged(sender, BARE, sid, action))
        assert sorted(story.proposals()) == ["p1", "p2"]
    story.tell(CallMessaged(PHONE, BARE, "p1", CallAction.FINISH))
    assert sorted(story.proposals()) == ["p2"]


def test_another_clients_session_does_not_make_a_proposal_good(story: Story) -> None:
    story.tell(CallProposed(PHONE, BARE, "p1", ("audio",)))
    story.tell(SessionInitiated(story.iq(BOB, DESK), "p1", (OFFER,)))
    assert sorted(story.proposals()) == ["p1"]
    story.tell(SessionInitiated(story.iq(BOB, PHONE), "p1", (OFFER,)))
    assert not story.proposals()


# --- both at once


def test_of_two_session_initiates_the_loser_is_told(story: Story) -> None:
    sid = invited(story)
    iq = story.iq(BOB)
    said = CALLED_BY_THEM
    assert story.tell(SessionInitiated(iq, sid + "z", (OFFER,))) == [
        RefuseIq(iq, "cancel", "conflict", said, "tie-break")
    ]
    carol = "carol%sip.test@sip.localhost/fargo"
    story.tell(SessionInitiated(story.iq(carol), sid + "z", (OFFER,)))
    assert story.all(PlaceCall), "calling somebody else is no tie"


def test_of_two_proposals_the_loser_is_told() -> None:
    story, sid = proposed_to()
    said = CALLED_BY_THEM
    assert story.tell(CallProposed(PHONE, BARE, sid + "z", ("audio",))) == [
        MessageCall(BOB, PHONE, sid + "z", CallAction.REJECT, "expired", said, True)
    ]
    carol = "carol%sip.test@sip.localhost"
    assert story.tell(CallProposed(PHONE, carol, "z", ("audio",))) == [
        MessageCall(f"{carol}/fargo", PHONE, "z", CallAction.PROCEED)
    ]


def test_our_proposal_gives_way_to_the_users() -> None:
    story, sid = proposed_to()
    assert story.tell(CallProposed(PHONE, BARE, "!", ("audio",))) == [
        MessageCall(BOB, ALICE, sid, CallAction.RETRACT, "expired", GLARE, True),
        HangUp("c1", 8, CALLING_YOU),
        MessageCall(BOB, PHONE, "!", CallAction.PROCEED),
    ]


def test_a_proposal_is_compared_with_every_call() -> None:
    story, sid = proposed_to()
    first = story.user.calls
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    story.tell(SessionInitiated(story.iq("carol@sip.localhost/fargo", PHONE), "s1", (OFFER,)))
    arrive(story, channel="c2")
    ours = story.the(ProposeCall).sid
    story.tell(CallProposed(PHONE, BARE, ours + "z", ("audio",)))
    assert story.the(MessageCall).tie_break
    assert first.keys() != story.user.calls.keys()
    assert sid != ours
