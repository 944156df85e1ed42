"""A call is drawn as a ladder, in the words of its protocols."""

from pathlib import Path

import pytest

from fargo.log import Entry, Log
from fargo.statemachine.call1 import (
    CallArrived,
    CallMembersChanged,
    CallStateChanged,
    CandidatesReceived,
    DescriptionReceived,
    ReceivingStateChanged,
)
from fargo.statemachine.events import (
    Event,
    FeaturesLearned,
    Iq,
    IqSucceeded,
    Recorded,
    RegistrationSubmitted,
    ResourceAvailable,
    SessionAccepted,
    SessionInitiated,
    SessionModified,
    SessionTerminated,
    SipAccount,
    SipSignedIn,
)
from fargo.statemachine.media import Candidate, Codec, Content, Description, RawUdp
from fargo.statemachine.user import fold, new
from replay.calls import steps
from replay.ladder import ladder
from replay.names import CallName

GATEWAY, ALICE = "sip.example.org", "alice@example.org"
CLIENT, BOB = f"{ALICE}/laptop", f"bob%example.net@{GATEWAY}"
CALLED = f"{BOB}/fargo"
CALLABLE = ("urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio")
CODECS, ADDRESS = (Codec(0, "PCMU", 8000),), (Candidate(1, "127.0.0.1", 5004),)
VOICE = (Content("voice", description=Description("audio", CODECS, RawUdp(ADDRESS))),)
BEFORE: tuple[Event, ...] = (
    RegistrationSubmitted(Iq(CLIENT, GATEWAY, "r"), SipAccount("alice@example.net"), "kept", "nonce"),
    SipSignedIn("1.0"),
    ResourceAvailable(CLIENT, GATEWAY, "urn:example#1"),
    FeaturesLearned("3.0", CLIENT, (*CALLABLE, "urn:xmpp:jingle:transports:raw-udp:1")),
)
CALL, FIRST = "5", "5.1"  # the call that the fifth event begins, and the channel of a call out
INCOMING = "1.0/1"
INVITED = (
    SessionInitiated(Iq(CLIENT, BOB, "c"), "song", VOICE),
    ReceivingStateChanged(FIRST, 1),
    CallMembersChanged(FIRST, 1),
)
ARRIVED = CallArrived(INCOMING, "1.0", "sip:bob@example.net", CODECS, ADDRESS, 3)


def recorded(*events: Event) -> list[Entry]:
    """What the log has when these come half a second apart, to a user who is signed in with one client."""
    user, entries = new(ALICE), []
    for number, event in enumerate((*BEFORE, *events), 1):
        entry = Recorded(ALICE, number, 1_750_000_000 + number / 2, event)
        user, issued = fold(user, entry)
        entries.append((entry, issued))
    return entries


def drawn(*events: Event) -> list[str]:
    """The lines below the title, with the posts that have no arrow between them, and all but one dash, left out."""
    title, _, *lines = ladder(steps(recorded(*events), CallName(ALICE, CALL)), CALL)
    assert title.split() == ["seconds", "XMPP", "client", "gateway", "SIP"]
    assert {len(line) for line in lines} == {75}
    return [squeezed(line) for line in lines]


def squeezed(line: str) -> str:
    time, left, right = line[:8].strip(), line[11:42], line[43:74]
    assert (line[10], line[42], line[74]) == ("|", "|", "|")
    assert not (left.strip() and right.strip())
    arrow = (left if left.strip() else right).replace("--", "").replace("- ", " ").replace(" -", " ")
    return f"{time} {'xmpp' if left.strip() else 'sip'} {' '.join(arrow.split())}"


def test_a_call_out() -> None:
    lines = drawn(
        *INVITED,
        CallStateChanged(FIRST, 4),
        CandidatesReceived(FIRST, ADDRESS),
        DescriptionReceived(FIRST, CODECS),
        SessionTerminated(Iq(CLIENT, BOB, "e"), "song", "success"),
        CallStateChanged(FIRST, 6, 2),
    )
    assert lines == [
        "0.000 xmpp session-initiate >",
        "0.500 sip INVITE >",
        "1.000 sip < 180 Ringing",
        "1.000 xmpp < session-info ringing",
        "1.500 sip < 200 OK",
        "2.500 xmpp < session-accept",
        "3.000 xmpp session-terminate success >",
        "3.000 sip BYE >",
    ]


def test_a_call_in() -> None:
    sid = f"nonce{CALL}"
    lines = drawn(
        ARRIVED,
        IqSucceeded("5.0", CLIENT),
        SessionModified(Iq(CLIENT, CALLED, "i"), sid, "transport-info"),
        SessionAccepted(Iq(CLIENT, CALLED, "a"), sid, VOICE),
        CallStateChanged(INCOMING, 5),
        ReceivingStateChanged(INCOMING, 1),
        CallStateChanged(INCOMING, 6, 2),
    )
    assert lines == [
        "0.000 sip < INVITE",
        "0.000 xmpp < session-initiate",
        "0.500 sip 180 Ringing >",
        "1.000 xmpp transport-info >",
        "1.500 xmpp session-accept >",
        "2.500 sip 200 OK >",
        "3.000 sip < BYE",
        "3.000 xmpp < session-terminate success",
    ]


def test_giving_up_is_a_cancel() -> None:
    assert drawn(*INVITED, SessionTerminated(Iq(CLIENT, BOB, "e"), "song", "cancel"))[-2:] == [
        "1.500 xmpp session-terminate cancel >",
        "1.500 sip CANCEL >",
    ]
    assert drawn(ARRIVED, CallStateChanged(INCOMING, 6, 2))[-2:] == [
        "0.500 sip < CANCEL",
        "0.500 xmpp < session-terminate cancel",
    ]


@pytest.mark.parametrize(
    ("condition", "status"),
    [("busy", "486 Busy Here"), ("timeout", "480 Temporarily Unavailable"), ("media-error", "488 Not Acceptable Here")],
)
def test_a_refusal_says_its_status(condition: str, status: str) -> None:
    lines = drawn(ARRIVED, SessionTerminated(Iq(CLIENT, CALLED, "e"), f"nonce{CALL}", condition))
    assert lines[-1].startswith(f"0.500 sip {status}")


def test_the_phones_refusal_stays_on_its_line_and_fits() -> None:
    refused = CallStateChanged(FIRST, 6, 8, message="486 Busy\nHere\x1b[2J and some more that does not fit")
    assert drawn(*INVITED, refused)[-2:] == [
        "1.500 sip < 486 Busy?Here?[2J and some",
        "1.500 xmpp < session-terminate busy",
    ]


def test_another_call_is_not_in_it() -> None:
    other = CallArrived("1.0/2", "1.0", "sip:carol@example.net", CODECS, ADDRESS, 3)
    assert drawn(ARRIVED, other) == ["0.000 sip < INVITE", "0.000 xmpp < session-initiate"]


def test_no_such_call_is_no_ladder(path: Path) -> None:
    log = Log.open_read_only(path)
    assert list(ladder(steps(log.read(), CallName(ALICE, "99")), "99")) == []
    log.close()
