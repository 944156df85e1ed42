"""docs/mapping.md says what the code does: each of its tables is read, and compared row by row."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from fargo.statemachine import naming
from fargo.statemachine.account import account_state
from fargo.statemachine.address import BadAddress, parse_uri
from fargo.statemachine.dialling import AddressBook, target, typed
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.leg_events import Ended
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.telepathy.phases import Arriving
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, IceUdp, RawUdp, Transport
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    ChangeReason,
    HangUp,
)
from fargo.statemachine.model.call_records import RecordEnded, RecordPath
from fargo.statemachine.model.commands import (
    Command,
    ConfirmText,
    MessageCall,
    RefuseIq,
    RefuseText,
    SendPresence,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    PolicyChanged,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceUnavailable,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    StreamOpened,
    TextWritten,
)
from fargo.statemachine.model.jingle_events import (
    CallProposed,
    SecurityInformed,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.ng import OfferRelay, RelayRefused
from fargo.statemachine.model.sip_messages import SendRequest, SipResponseReceived, Undelivered
from fargo.statemachine.model.sip_values import SipHeaders
from fargo.statemachine.reason import Cause, Reason, to_jingle

from .registering import MD5, REGISTRAR, Registering
from .relayed import DTLS, ICE, OPUS
from .story import ADDRESS, OFFER, PCMA, PCMU, PHONE_ADDRESS, Story

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/mapping.md").read_text()
GATEWAY = "sip.example.net"
BOB = f"bob%example.com@{GATEWAY}/fargo"
ACCOUNT = SipAccount("alice@example.org")
REFUSALS = {
    ChangeReason.BUSY: 486,
    ChangeReason.REJECTED: 486,
    ChangeReason.USER_REQUESTED: 486,
    ChangeReason.NO_ANSWER: 480,
    ChangeReason.MEDIA_ERROR: 488,
}
"""The SIP response that the connection manager sends for a reason to hang up an unanswered call."""

OTHER = "any other"


def table(heading: str, first: str) -> list[list[str]]:
    """The rows of a table: the one under this heading whose first column has this name."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert section, heading
    found = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", section[1], re.M)
    assert found, first
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]


def words(cell: str) -> list[str]:
    """Return the words in back-quotes in a cell, or the cell itself."""
    return re.findall("`(.+?)`", cell) or [cell]


def mapping(heading: str, first: str) -> dict[str, str]:
    """A table of two columns, a row for each thing in the first."""
    rows = [(each, words(row[1])[0]) for row in table(heading, first) for each in words(row[0])]
    assert len(rows) == len(dict(rows)), "a thing stands in one row only"
    return dict(rows)


def signed_in() -> Story:
    """Alice with one client, signed in with the account of the page."""
    story = Story()
    story.online()
    story.tell(submission(story))
    story.tell(SipSignedIn("3.0"))
    assert account_state.connection_of(story.user.account) == "3.0"
    return story


def submission(story: Story, account: SipAccount = ACCOUNT, secret: str | None = "s1") -> RegistrationSubmitted:
    return RegistrationSubmitted(story.iq(GATEWAY), account, secret, "nonce")


# --- addresses

BOOK = AddressBook(GATEWAY, "example.org", "GB")


def test_contacts_to_sip() -> None:
    rows = [(words(jid)[0], words(uri)[0]) for jid, uri in table("Addresses", "JID at the gateway")]
    assert [(jid, str(target(jid, BOOK))) for jid, _ in rows] == rows


def test_what_is_typed_to_contacts() -> None:
    rows = [(words(text)[0], words(jid)[0]) for text, jid in table("Addresses", "typed at the prompt")]
    assert [(text, of_typed(text)) for text, _ in rows] == rows


def of_typed(text: str) -> str:
    uri = typed(text.replace("␣", " "), BOOK)
    if isinstance(uri, BadAddress):
        return uri.problem
    return str(naming.contact(uri, BOOK))


def test_callers_to_contacts() -> None:
    rows = [(words(uri)[0], words(jid)[0]) for uri, jid in table("Addresses", "SIP URI of the caller")]
    assert [(uri, called(uri)) for uri, _ in rows] == rows
    assert "`anonymous%anonymous.invalid`" in PAGE


def called(uri: str) -> str | BadAddress:
    parsed = parse_uri(uri)
    assert not isinstance(parsed, BadAddress)
    return naming.contact(parsed[0], BOOK)


# --- a call out fails

FAILS = "Failure of an outgoing call: SIP status to Jingle"


def failed(message: str, reason: int = 0) -> TerminateSession:
    """Return the session-terminate to the caller's client for a call that ends before its answer."""
    story = signed_in()
    channel = story.call_out(to=BOB)
    story.tell(CallMembersChanged(channel, 1))
    story.tell(CallStateChanged(channel, CallState.ENDED, reason, "", message))
    return story.the(TerminateSession)


def statuses() -> dict[int, str]:
    """The Jingle reason of every failure that SIP has, as the page says."""
    told: dict[int, str] = {}
    rest = ""
    for cell, reason in ((row[0], words(row[1])[0]) for row in table(FAILS, "SIP status")):
        if cell == OTHER:
            rest = reason
        elif cell.endswith("xx"):
            told |= dict.fromkeys(range(int(cell[0]) * 100, int(cell[0]) * 100 + 100), reason)
        else:
            told |= dict.fromkeys(map(int, cell.split(", ")), reason)
    return {status: told.get(status, rest) for status in range(300, 700)}


def test_statuses_to_jingle() -> None:
    expected = statuses()
    assert {status: failed(f"{status} Words").condition for status in expected} == expected


@pytest.mark.parametrize(
    ("message", "reason"), [("486 Busy Here", 8), ("Request Timeout", 5), ("Service Unavailable", 10)]
)
def test_what_the_caller_reads(message: str, reason: int) -> None:
    assert f"`{failed(message, reason).text}`" in " ".join(PAGE.split())


def test_the_edges_own_words() -> None:
    own = re.findall(r"^\| ([\d or]+) \| ([A-Z].*?) \| `(.+?)` \|$", PAGE, re.M)
    edge = (ROOT / "fargo/edge/telepathy/kamailio.cfg").read_text()
    assert sorted(text for _, text, _ in own) == sorted(re.findall(r'gateway: ([^"]+)"', edge))
    for status, text, reason in own:
        for each in status.split(" or "):
            told = failed(f"{each} gateway: {text}")
            assert (told.condition, told.text) == (reason, f"{text}.")


def test_classifications_to_jingle() -> None:
    told = mapping(FAILS, "Call_State_Change_Reason")
    rest = told.pop(OTHER)
    assert {each: failed("", each).condition for each in ChangeReason} == {
        each: told.get(each.name, rest) for each in ChangeReason
    }


# --- a call out cannot be put through


def offer(codecs: tuple[Codec, ...] = (PCMU,), transport: Transport = ADDRESS, secure: bool = False) -> Content:
    return Content("voice", description=Description("audio", codecs, transport, encryption_required=secure))


PORT_ZERO = RawUdp((Candidate(1, "192.0.2.1", 0),))
OFFERS = {
    "no RTP audio": Content("file"),
    "SDES encryption required": offer(secure=True),
    "ICE without a relay": offer(transport=IceUdp("u", "p", (Candidate(1, "192.0.2.1", 4000),))),
    "raw-udp without an address": offer(transport=RawUdp()),
    "no voice codec": offer((Codec(101, "telephone-event", 8000),)),
}


def test_offers_that_cannot_be_put_through() -> None:
    told = {}
    for name, content in OFFERS.items():
        story = signed_in()
        story.tell(SessionInitiated(story.iq(BOB), "s1", (content,)))
        ended = story.the(TerminateSession)
        told[name] = (ended.condition, ended.text)
    assert told == {
        name: (words(reason)[0], text) for name, reason, text in table("Outgoing call without an INVITE", "offer")
    }


def test_proposals_with_more_than_audio() -> None:
    for media, reason, text in table("Several contents", "proposal"):
        story = signed_in()
        story.tell(CallProposed(story.iq(BOB).sender, BOB, "p", tuple(media.split(" and "))))
        rejects = story.the(MessageCall)
        assert (rejects.condition, rejects.text) == (words(reason)[0], text)


# --- which way audio goes

SPEAKS = {"plain RTP": ADDRESS, "ICE": ICE.transport, "DTLS": DTLS.transport}
NAMED = {"opus": OPUS, "PCMU": PCMU, "PCMA": PCMA}


def test_ways() -> None:
    for path, relay, client, codecs, *told in table("Audio path", "`path`"):
        story = signed_in()
        story.tell(PolicyChanged(msgspec.convert({"path": words(path)[0], "relay": relay != "no"}, Policy)))
        offered = offer(tuple(NAMED[name] for name in codecs.split(", ")), SPEAKS[client])
        story.tell(SessionInitiated(story.iq(BOB), "s1", (offered,)))
        if relay.endswith("fails"):
            story.tell(RelayRefused(story.id_of(OfferRelay), "It is overloaded."))
        assert way(story) == told, (path, relay, client, codecs)


def way(story: Story) -> list[str]:
    """Return the path of the only call's audio, or that it was refused, and why."""
    note = story.noted()[-1]
    assert isinstance(note, RecordPath | RecordEnded)
    return [note.path.value, note.why] if isinstance(note, RecordPath) else ["refused", note.text]


# --- a call in is refused


def arrived() -> tuple[Story, str]:
    """Bob calls Alice: the story so far, and the Jingle session."""
    story = signed_in()
    story.tell(CallArrived("3.0/1", "3.0", "sip:bob@example.com", (PCMU,), PHONE_ADDRESS, CallState.INITIALISED))
    [call] = story.user.calls.values()
    [session] = sessions(call.jingle)
    return story, session.sid


def refused(condition: str) -> int:
    """The SIP status that a client's refusal becomes."""
    story, sid = arrived()
    story.tell(SessionTerminated(story.iq(BOB), sid, condition))
    return REFUSALS[ChangeReason(story.the(HangUp).reason)]


# XEP-0166 §7.4, and a word of nobody's.
CONDITIONS = (
    *("alternative-session", "busy", "cancel", "connectivity-error", "decline", "expired", "failed-application"),
    *("failed-transport", "general-error", "gone", "incompatible-parameters", "media-error", "security-error"),
    *("success", "timeout", "unsupported-applications", "unsupported-transports", "whatever"),
)


def test_a_clients_refusals_to_sip() -> None:
    told = mapping("Refusal of an incoming call: Jingle to SIP", "Jingle reason")
    rest = told.pop(OTHER)
    assert set(told) <= set(CONDITIONS)
    assert {each: refused(each) for each in CONDITIONS} == {each: int(told.get(each, rest)) for each in CONDITIONS}


# --- causes


def test_causes() -> None:
    told = table("Causes between the legs", "cause")
    rows = {words(cause)[0]: (words(jingle)[0], int(sip)) for cause, jingle, sip in told}
    assert rows == {str(cause): (to_jingle(Reason(cause)), refusal(cause)) for cause in Cause}


def refusal(cause: Cause) -> int:
    """Return the SIP response to an unanswered incoming call that is refused for a cause."""
    assert OFFER.description
    effects = Effects("alice@localhost", 1, 0.0)
    sip_leg.tell(Arriving("c", OFFER.description, 0.0), Ended(Reason(cause)), effects)
    [issued] = effects.issued
    assert isinstance(issued.command, HangUp)
    return REFUSALS[ChangeReason(issued.command.reason)]


# --- presence


def trouble(story: Story, why: SipTrouble) -> list[Command]:
    return story.tell(SipSignedOut(account_state.connection_of(story.user.account) or "", why, "why"))


def offline(story: Story) -> list[Command]:
    return story.tell(ResourceUnavailable("alice@localhost", GATEWAY))


STATES: dict[str, Callable[[Story], object]] = {
    "signed in": lambda story: story.tell(StreamOpened()),
    "signing in": lambda story: (offline(story), trouble(story, SipTrouble.ASKED), story.online()),
    "trying a changed registration": lambda story: (story.tell(submission(story)), trouble(story, SipTrouble.ASKED)),
    "waiting to try again": lambda story: trouble(story, SipTrouble.NETWORK),
    "refused by the registrar": lambda story: trouble(story, SipTrouble.CREDENTIALS),
    "signed out or signing out": offline,
}


@pytest.mark.parametrize("row", table("The gateway's presence", "account"), ids=lambda row: row[0])
def test_presence(row: list[str]) -> None:
    state, presence, text = row
    story = signed_in()
    STATES[state](story)
    sent = next(
        each.command
        for each in reversed(story.issued)
        if isinstance(each.command, SendPresence) and each.command.sender == GATEWAY and each.command.status
    )
    assert (sent.show or sent.kind, sent.status) == (presence, text)


def test_every_state_has_its_presence() -> None:
    assert {row[0] for row in table("The gateway's presence", "account")} == set(STATES)


# --- errors


def error(story: Story) -> tuple[str, str]:
    """The error of the last answer, as the page writes it, and its text."""
    wrong = story.the(RefuseIq)
    return ", ".join(filter(None, (wrong.kind, wrong.condition, wrong.jingle))), wrong.text


def test_accounts_that_cannot_be_signed_in() -> None:
    told = {}
    for why in SipTrouble:
        story = Story()
        story.tell(submission(story))
        trouble(story, why)
        told[str(why)] = error(story)
    assert told == {words(why)[0]: (kind, text) for why, kind, text in table("Registration is refused", "trouble")}


def registrar_answers(story: Registering, cell: str) -> None:
    """Let the registrar give the answer to a REGISTER that a cell names."""
    answer = words(cell)[0]
    if "none" in cell:
        story.undelivered(Undelivered(answer), "details")
        return
    status, _, phrase = answer.partition(" ")
    if "again" in cell:
        story.challenge()
    headers = SipHeaders(retry_after=120 if "Retry-After" in cell else None)
    story.answer(int(status), phrase, challenges=(MD5,) if status == "401" else (), headers=headers)


def test_what_a_registrar_answers() -> None:
    rows = table("Registration is refused", "answer to the REGISTER")
    for cell, kind, text in rows:
        story = Registering()
        story.submit(ACCOUNT)
        registrar_answers(story, cell)
        assert error(story) == (kind, text)
    assert {words(row[0])[0] for row in rows if "none" in row[0]} == set(Undelivered)


def entries() -> Iterator[tuple[str, SipAccount, str | None, str]]:
    for cell, text in table("Registration is refused", "what was entered"):
        field = cell.split()[0]
        entered = words(cell)[0]
        account = ACCOUNT if field == "password" else replace(ACCOUNT, **{field: entered})
        yield cell, account, None if field == "password" else "s1", text


@pytest.mark.parametrize("entry", list(entries()), ids=lambda entry: entry[0])
def test_what_cannot_be_an_account(entry: tuple[str, SipAccount, str, str]) -> None:
    _, account, secret, text = entry
    story = Story()
    story.tell(submission(story, account, secret))
    assert error(story) == ("modify, not-acceptable", text)


def initiate(story: Story, sid: str = "s1", to: str = BOB, content: Content = OFFER) -> list[Command]:
    return story.tell(SessionInitiated(story.iq(to), sid, (content,)))


REQUESTS: dict[str, Callable[[Story], object]] = {
    "a call without a registration": lambda story: (cancel(story), initiate(story)),
    "a call while signed out": lambda story: (offline(story), trouble(story, SipTrouble.ASKED), initiate(story)),
    "a ninth call": lambda story: [initiate(story, f"s{n}") for n in range(9)],
    "a call to the gateway itself": lambda story: initiate(story, to=GATEWAY),
    "a port that is none": lambda story: initiate(story, content=offer(transport=PORT_ZERO)),
    "the same session-initiate again": lambda story: (initiate(story), initiate(story)),
    "an action on an unknown session": lambda story: story.tell(SessionInformed(story.iq(BOB), "s1", "ringing")),
    "an unsupported session-info, such as dtmf in a direct call": lambda story: (
        initiate(story),
        story.tell(SessionInformed(story.iq(BOB), "s1", "dtmf")),
    ),
    "security-info": lambda story: (initiate(story), story.tell(SecurityInformed(story.iq(BOB), "s1"))),
    "transport-info or another change of a content that the session does not have": lambda story: (
        initiate(story),
        story.tell(TransportInformed(story.iq(BOB), "s1", (Content("other"),))),
    ),
    "cancelling a registration that does not exist": lambda story: (cancel(story), cancel(story)),
}


def cancel(story: Story) -> list[Command]:
    return story.tell(RegistrationCancelled(story.iq(GATEWAY)))


@pytest.mark.parametrize("row", table("A request is refused", "request"), ids=lambda row: row[0])
def test_refused_requests(row: list[str]) -> None:
    request, kind, text = row
    story = signed_in()
    REQUESTS[request](story)
    assert error(story) == (kind, text)


# --- text messages


@pytest.mark.parametrize(("statuses", "error", "text"), table("Text messages", "final answer"))
def test_a_final_answer_to_a_text_is_told_as_the_page_says(statuses: str, error: str, text: str) -> None:
    listed = [each for row in table("Text messages", "final answer") for each in row[0].split(", ")]
    for status in {"3xx": ["302"], OTHER: ["400", "500", "699"]}.get(statuses, statuses.split(", ")):
        assert statuses in ("3xx", OTHER) or status in listed
        story = Registering()
        story.submit(ACCOUNT)
        story.accept()
        story.tell(TextWritten(f"{story.user.jid}/desk", BOB, "m1", (KeptText("text", 4),), receipt=True))
        name = story.id_of(SendRequest)
        answer = SipResponseReceived(name, name, "MESSAGE", int(status), "Phrase", REGISTRAR)
        told = [each for each in story.tell(answer) if isinstance(each, RefuseText | ConfirmText)]
        if error.startswith("none"):
            assert [type(each) for each in told] == ([ConfirmText] if "receipt (" in error else [])
            continue
        [refused] = told
        assert isinstance(refused, RefuseText)
        assert f"{refused.kind}, {refused.condition}" == error
        assert not text or refused.text.replace(status, "x") == re.sub("302|405|408", "x", text)
