"""A call is drawn as a ladder, in the words of its protocols."""

import re
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.memory import MemoryLog

from fargo.calls import CallName, records
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, MediaProfile, RawUdp
from fargo.statemachine.media.texts import BOTH_PLAIN
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallMembersChanged,
    CallStateChanged,
    CandidatesReceived,
    DescriptionReceived,
    ReceivingStateChanged,
)
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    IqSucceeded,
    Recorded,
    RegistrationSubmitted,
    ResourceAvailable,
    SipAccount,
    SipSignedIn,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    CallProposed,
    SessionAccepted,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)
from fargo.statemachine.model.ng import OfferRelay, RelayRefused
from fargo.store.entries import Entry
from fargo.store.opening import open_reader
from replay.drawing.debugger import Debugger
from replay.drawing.label import Tone
from replay.drawing.ladder import ladder
from replay.drawing.mermaid import mermaid
from replay.drawing.page_data import page_data
from replay.drawing.plain_ascii import in_ascii
from replay.drawing.texts import ENDED_BY
from replay.reading.golden import GoldenLog
from replay.reading.steps import ReplayStep, refolded, replayed_call

PROPOSED_OUT = Path(__file__).parents[2] / "replay/sessions/proposals-a-proposed-call-out-is-put-through.jsonl"
GATEWAY, ALICE = "sip.example.org", "alice@example.org"
CLIENT, BOB = f"{ALICE}/laptop", f"bob%example.net@{GATEWAY}"
CALLED = f"bob@{GATEWAY}/fargo"
CALLABLE = ("urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio")
CODECS, ADDRESS = (Codec(0, "PCMU", 8000),), (Candidate(1, "127.0.0.1", 5004),)
AUDIO = Description("audio", CODECS, RawUdp(ADDRESS))
VOICE = (Content("voice", description=AUDIO),)
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
    """Return the entries of events that come half a second apart, to a user who is signed in with one client."""
    at = 1_750_000_000
    told = enumerate((*BEFORE, *events), 1)
    return list(refolded(Recorded(ALICE, number, at + number / 2, event) for number, event in told))


def steps(entries: Iterable[Entry], call: CallName) -> Iterator[ReplayStep]:
    return replayed_call(MemoryLog(entries), call)


def whole(*events: Event, width: int = 120, brief: bool = False) -> list[str]:
    """The ladder of the call, without the title."""
    name = CallName(ALICE, CALL)
    title, empty, posts, *lines = ladder(steps(recorded(*events), name), name, width, brief)
    assert (title, empty) == (f"{ALICE}/{CALL}  2025-06-15 15:06:42.500 UTC", "")
    assert posts.split() == ["seconds", "later", "XMPP", "client", "gateway", "SIP"]
    assert max(map(len, lines)) <= width
    return lines


def drawn(*events: Event) -> list[str]:
    """The messages, without the phases and all but one dash; what is no message is left out."""
    return [squeezed(line) for line in whole(*events, brief=True) if "│" in line]


def squeezed(line: str) -> str:
    times, left, right, _ = line.split("│")
    assert not (left.strip() and right.strip())
    arrow = (left if left.strip() else right).replace("─", "")
    return f"{times.split()[0]} {'xmpp' if left.strip() else 'sip'} {' '.join(arrow.replace('>', ' >').split())}"


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
        TransportInformed(Iq(CLIENT, CALLED, "i"), sid),
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
    assert drawn(ARRIVED, CallStateChanged(INCOMING, 6, 2))[-3:] == [
        "0.500 sip < CANCEL",
        "0.500 xmpp < session-terminate cancel",
        "0.500 xmpp < message",
    ]


@pytest.mark.parametrize(
    ("condition", "status"),
    [("busy", "486 Busy Here"), ("timeout", "480 Temporarily Unavailable"), ("media-error", "488 Not Acceptable Here")],
)
def test_a_refusal_says_its_status(condition: str, status: str) -> None:
    lines = drawn(ARRIVED, SessionTerminated(Iq(CLIENT, CALLED, "e"), f"nonce{CALL}", condition))
    assert lines[-2:] == [f"0.500 sip {status} >", "0.500 xmpp < message"]


def test_every_event_and_command_has_its_line_with_times_and_phases() -> None:
    lines = whole(*INVITED)
    assert [" ".join(re.sub("[┄─]", "", line).split()) for line in lines] == [
        "0.000 │ sessioninitiate >│ │ calling/dialling".replace("sessioninitiate", "session-initiate"),
        "0.000 │< result │ │ calling/dialling",
        "0.000 │ │ place the call >│ calling/dialling",
        "0.000 alice@example.org calls bob@example.net.",
        f"0.000 Direct audio: {BOTH_PLAIN}",
        "0.500 0.500 │ │< receiving pending start │ calling/dialling",
        "0.500 │ │ INVITE >│ calling/dialling",
        "1.000 0.500 │ │< 180 Ringing │ calling/dialling",
        "1.000 │< session-info ringing │ │ calling/dialling",
    ]
    assert [line for line in lines if "result" in line and "┄" in line and "─" not in line]


def test_clients_are_named_if_there_are_several() -> None:
    phone = f"{ALICE}/phone"
    events = (
        ResourceAvailable(phone, GATEWAY, "urn:example#1"),
        FeaturesLearned("5.0", phone, (*CALLABLE, "urn:xmpp:jingle:transports:raw-udp:1")),
        ARRIVED,
        SessionAccepted(Iq(phone, CALLED, "a"), "nonce7", VOICE),
    )
    name = CallName(ALICE, "7")
    labels = [re.sub("[^a-z() -]", "", line) for line in ladder(steps(recorded(*events), name), name, 120, True)]
    told = " ".join(" ".join(labels).split())
    for label in ("session-initiate (laptop)", "session-initiate (phone)", "session-accept (phone)"):
        assert label in told
    assert "session-terminate cancel (laptop)" in told


def test_the_phones_refusal_stays_on_its_line_and_fits() -> None:
    refused = CallStateChanged(FIRST, 6, 8, message="486 Busy\nHere\x1b[2J\u202e and some more that does not fit")
    refusal, label, _, sentence, more = whole(*INVITED, refused, width=80, brief=True)[-5:]
    assert "│<─486 Busy?Here…│" in refusal
    assert label.strip() == "486 Busy?Here?[2J? and some more that does not fit"
    assert sentence == "  1.500       Ended by the phone: busy. example.net says: “Busy?Here?[2J? and"
    assert more.strip() == "some more that does not fit” (486)"


def test_nothing_is_cut_without_a_width() -> None:
    name, text = CallName(ALICE, CALL), "486 Busy Here and some more that does not fit"
    refused = CallStateChanged(FIRST, 6, 8, message=text)
    lines = list(ladder(steps(recorded(*INVITED, refused), name), name, None, brief=True))
    (refusal,) = (line for line in lines if "486 Busy" in line and "│" in line)
    assert f"<─ {text} ─│" in refusal or f"<{text}─│" in refusal or f" {text} " in refusal
    assert not any("…" in line for line in lines)


def test_a_ladder_in_ascii() -> None:
    refused = CallStateChanged(FIRST, 6, 8, message="486 Besetzt – später…")
    lines = [in_ascii(line) for line in whole(*INVITED, refused)]
    assert all(line.isascii() for line in lines)
    assert any(re.search(r"\|<-+ 486 Besetzt - sp\\xe4ter\.\.\. -+\|", line) for line in lines)


@given(st.text(min_size=1))
def test_a_hostile_label_is_one_line_of_mermaid(text: str) -> None:
    name = CallName(ALICE, CALL)
    refused = CallStateChanged(FIRST, 6, 8, message=text)
    drawn = list(mermaid(steps(recorded(*INVITED, refused), name), name))
    head, *lines = drawn
    assert head == "sequenceDiagram"
    for line in lines:
        assert re.fullmatch(r"    (participant|Note over|(client|gateway|sip|relay)-?->>\w+:|\w+-->>\w+:) ?.*", line)
        assert not set('<>;"`{}%').intersection(re.sub(r"-?->>", "", re.sub(r"#\d+;", "", line)))
    assert any("client->>gateway: session-initiate" in line for line in lines)


def test_errors_and_notes_are_painted_as_such() -> None:
    painted: dict[str, Tone] = {}

    def paint(text: str, tone: Tone) -> str:
        painted[text.strip("<─> ")] = tone
        return text

    name = CallName(ALICE, CALL)
    refused = recorded(*INVITED, CallStateChanged(FIRST, 6, 8, message="486 Busy Here"))
    list(ladder(steps(refused, name), name, paint=paint))
    assert painted["486 Busy Here"] is painted["session-terminate busy"] is Tone.ERROR
    assert painted["alice@example.org calls bob@example.net."] is Tone.NOTE
    assert painted["INVITE"] is Tone.PLAIN


def test_a_call_through_the_relay_has_a_post_for_it() -> None:
    """The commands to the relay and its replies, put beside a recorded call."""
    name = CallName(ALICE, CALL)
    first, *rest = steps(recorded(*INVITED), name)
    asked = Issued(ALICE, "5.9", OfferRelay("song", AUDIO, MediaProfile.PLAIN), CALL)
    refused = Recorded(ALICE, 9, first.recorded.at + 3, RelayRefused("5.9", "It has no port left."))
    relayed = [
        first._replace(issued=(*first.issued, asked)),
        *rest,
        ReplayStep(refused, (), rest[-1].after, rest[-1].after),
    ]
    title, *lines = list(ladder(relayed, name, 120))[2:]
    assert title.split()[-2:] == ["SIP", "relay"]
    assert {line.count("│") for line in lines if "calling" in line} == {3, 4}
    (told,) = [line for line in lines if " offer " in line]
    assert re.search(r"│ +│─+ offer ─+>│", told)
    assert re.search(r"3\.000 .*│<─+ It has no port left\. ─+│", lines[-1])


def test_another_call_is_not_in_it() -> None:
    other = CallArrived("1.0/2", "1.0", "sip:carol@example.net", CODECS, ADDRESS, 3)
    assert drawn(ARRIVED, other) == ["0.000 sip < INVITE", "0.000 xmpp < session-initiate"]


def test_no_such_call_is_no_ladder(path: Path) -> None:
    log = open_reader(path)
    nobody = CallName(ALICE, "99")
    assert list(ladder(replayed_call(log, nobody), nobody)) == []
    log.close()


def test_a_call_is_proposed_until_the_client_describes_it() -> None:
    """So it is on the ladder, on the page and step by step."""
    log = GoldenLog(PROPOSED_OUT)
    [call] = records(log.read())
    steps = list(replayed_call(log, call.name))
    drawn = [line.split()[-1] for line in ladder(steps, call.name, 120) if "│" in line]
    assert drawn[:3] == ["proposed", "proposed", "calling/dialling"]
    assert drawn[-1] == "over"
    assert [step.phases for step in page_data(steps, call.name).steps][:2] == ["proposed", "calling/dialling"]
    told = StringIO()
    Debugger(call.name, steps, StringIO("until calling\nback\n"), told).cmdloop()
    shown = [line for line in told.getvalue().splitlines() if line.startswith("step ")]
    assert [line.partition(": ")[2] for line in shown] == ["Proposed | -", "Calling | Dialling", "Proposed | -"]


def test_a_proposal_that_is_refused_is_over() -> None:
    entries = recorded(CallProposed(CLIENT, BOB, "song", ("video",)))
    assert [step.phases for step in page_data(steps(entries, CallName(ALICE, CALL)), CallName(ALICE, CALL)).steps] == [
        "over"
    ]


def test_the_ladder_and_the_list_of_calls_have_the_same_words_for_who_ended_a_call() -> None:
    assert {side: f"the {side.value}" for side in Side} == ENDED_BY
