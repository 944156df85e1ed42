"""What holds for every story, whatever happens in it: drawn by Hypothesis from events that meet each other."""

from collections import Counter
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fargo.statemachine.account.account_state import Unregistered
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, IceUdp, RawUdp
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallFailed,
    CallMembersChanged,
    CallStateChanged,
    CandidatesReceived,
    ChannelClosed,
    DescriptionReceived,
    PlaceCall,
    ReceivingStateChanged,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import (
    AcceptIq,
    AskFeatures,
    Command,
    Fault,
    InitiateSession,
    RefuseIq,
    SendRegistrationForm,
    SignIn,
)
from fargo.statemachine.model.events import (
    ContentChanged,
    Event,
    FeaturesLearned,
    Iq,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PresenceProbed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Stopping,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TimePassed,
)

from .story import ABLE, ALICE, BOB, DESK, GATEWAY, PHONE, Story

CLIENTS = st.sampled_from([DESK, PHONE])
ADDRESSES = st.sampled_from([BOB, GATEWAY, "bob%sip.test@sip.localhost", "x%y z@sip.localhost"])
CODECS = st.lists(
    st.sampled_from(
        [Codec(0, "PCMU", 8000), Codec(8), Codec(96, "opus", 48000, 2), Codec(101, "telephone-event", 8000)]
    ),
    max_size=3,
).map(tuple)
CANDIDATES = st.lists(
    st.builds(Candidate, st.sampled_from([1, 2]), st.sampled_from(["127.0.0.4", "x"]), st.sampled_from([0, 5000])),
    max_size=2,
).map(tuple)
CONTENTS = st.lists(
    st.builds(
        Content,
        st.just("voice"),
        description=st.builds(
            Description,
            st.sampled_from(["audio", "video"]),
            CODECS,
            st.builds(RawUdp, CANDIDATES) | st.just(IceUdp()),
            encryption_required=st.booleans(),
        ),
    ),
    max_size=2,
).map(tuple)
CONDITIONS = st.sampled_from(["success", "busy", "decline", "cancel", "nonsense"])
STATES = st.integers(0, 7)
CALLERS = st.sampled_from(["sip:b@c.test", "?"])
FAILURES = st.sampled_from(["item-not-found", "bad-request"])
ACCOUNTS = st.builds(SipAccount, st.sampled_from(["a@sip.test", "b@sip.test", "no"]))
TROUBLES = st.sampled_from(SipTrouble)


def event_for(story: Story, data: st.DataObject) -> Event:
    """Any event, aimed at what the story has open so that it has a chance to matter."""

    def issued(*kinds: type[Command]) -> st.SearchStrategy[str]:
        names = [i.id for i in story.issued if isinstance(i.command, kinds)]
        return st.sampled_from(names[-3:] or ["none"])

    invited = [i.command.sid for i in story.issued if isinstance(i.command, InitiateSession)]
    sids = st.sampled_from(["s1", "s2", *invited[-2:]])
    channels = issued(PlaceCall) | st.sampled_from(["c1", "c2"])
    iq = st.builds(story.iq, ADDRESSES, CLIENTS)
    flow = st.integers(0, 4)
    return data.draw(
        st.one_of(
            st.builds(RegistrationAsked, iq),
            st.builds(RegistrationSubmitted, iq, ACCOUNTS, st.sampled_from(["", "s1", "s2"]), st.just("nonce")),
            st.builds(RegistrationCancelled, iq),
            st.builds(IqMalformed, iq, st.just("It is broken.")),
            st.builds(ResourceAvailable, CLIENTS, ADDRESSES, st.sampled_from(["", "a#1"])),
            st.builds(ResourceUnavailable, CLIENTS | st.just(ALICE), ADDRESSES),
            st.builds(PresenceProbed, ADDRESSES),
            st.builds(SubscriptionChanged, ADDRESSES, st.sampled_from(SubscriptionAction)),
            st.builds(FeaturesLearned, issued(AskFeatures), CLIENTS, st.sampled_from([ABLE, ()])),
            st.builds(SessionInitiated, iq, sids, CONTENTS),
            st.builds(SessionAccepted, iq, sids, CONTENTS),
            st.builds(SessionInformed, iq, sids, st.sampled_from(["", "ringing", "hold"])),
            st.builds(SessionTerminated, iq, sids, CONDITIONS),
            *(st.builds(kind, iq, sids) for kind in get_args(ContentChanged)),
            st.builds(IqSucceeded, issued(*Command.__args__), CLIENTS),
            st.builds(IqFailed, issued(*Command.__args__), CLIENTS, FAILURES),
            st.builds(SipSignedIn, issued(SignIn)),
            st.builds(SipSignedOut, issued(SignIn), TROUBLES),
            st.builds(CallArrived, st.sampled_from(["c1", "c2"]), issued(SignIn), CALLERS, CODECS, CANDIDATES, STATES),
            st.builds(CallStateChanged, channels, st.integers(0, 7), st.integers(0, 14), st.just(""),
                      st.sampled_from(["", "486 Busy Here", "999 What"])),
            st.builds(CallMembersChanged, channels, flow),
            st.builds(CandidatesReceived, channels, CANDIDATES),
            st.builds(DescriptionReceived, channels, CODECS),
            st.builds(SendingStateChanged, channels, flow),
            st.builds(ReceivingStateChanged, channels, flow),
            st.builds(CallFailed, channels, st.just("error")),
            st.builds(ChannelClosed, channels),
            st.just(Restarted()), st.just(Stopping()), st.just(StreamOpened()), st.just(TimePassed()),
        )
    )  # fmt: skip


def replies(story: Story) -> Counter[str]:
    """How often each IQ was answered."""
    kinds = (AcceptIq, RefuseIq, SendRegistrationForm)
    return Counter(i.command.iq.id for i in story.issued if isinstance(i.command, kinds))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_happens_the_rules_hold(data: st.DataObject) -> None:
    story = Story()
    if data.draw(st.booleans(), "signed in"):
        story.signed_in()
    asked: list[Iq] = []
    for _ in range(data.draw(st.integers(1, 30), "events")):
        event = event_for(story, data)
        asked += [event.iq] if hasattr(event, "iq") else []
        story.tell(event, data.draw(st.sampled_from([0.0, 1.0, 60.0])))
        for issued in story.last:
            assert not isinstance(issued.command, Fault), issued.command
            encoded = msgspec.json.encode(issued.command)
            assert msgspec.json.decode(encoded, type=Command) == issued.command
        assert not replies(story) - Counter({iq.id: 1 for iq in asked} | {f"iq{n}": 1 for n in range(1, 2)})
    # Let everything come to its end: the account is cancelled, and every deadline passes.
    last = story.iq()
    story.tell(RegistrationCancelled(last))
    for _ in range(50):
        if not (due := deadlines(story.user)):
            break
        story.tell(TimePassed(), max(0.0, min(d.at for d in due) - story.at))
    assert deadlines(story.user) == ()
    answered = replies(story)
    assert all(answered[iq.id] == 1 for iq in [*asked, last])
    assert not story.user.calls
    assert story.user.account == Unregistered()
