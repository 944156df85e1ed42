"""Properties of a call of our own user agent, whatever its client, its phone, servers and the edge do, in any order.

1. No event makes a fold fail, and state and commands are of their types (`conftest`).
2. Every request of the phone but an ACK gets one final response at once; only the INVITE of a call may wait for it, and
   gets one in the end.
3. Every 2xx to an INVITE of ours gets an ACK at once.
4. The numbers of our requests in a dialog go up, and no two INVITEs are under way in it.
5. A description that differs from the last one has a higher version.
6. Every call comes to its end, and leaves nothing pending.
7. To rename its events is to rename its commands, so it can be exported.
8. If the account requires encryption, every description of ours has a key, and every session is encrypted.
9. A request has at most one answer for each realm, and a nonce is used again only with the next count.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from thorough import examples

from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    Releasing,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UserAgentPhase,
)
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.description import Candidate, Content, Description, RawUdp
from fargo.statemachine.model.call_records import RecordMedia
from fargo.statemachine.model.commands import AcceptSession, InitiateSession, Issued
from fargo.statemachine.model.events import (
    Event,
    IqSucceeded,
    PolicyChanged,
    RegistrationCancelled,
    Restarted,
    SipAccount,
    Stopping,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import (
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    RelayDescribed,
    RelayDone,
    RelayLost,
    RelayRefused,
)
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
from fargo.statemachine.model.sip_values import (
    Body,
    Challenge,
    OtherBody,
    RAck,
    RequestHead,
    Sdp,
    SessionTimer,
    SipHeaders,
)
from replay.exporting.export import pseudonymised

from ..registering import MD5, REGISTRAR
from ..relayed import FOR_PHONE, PHONE_OFFER
from ..story import BOB, DESK, OFFER, PCMA, PCMU
from .encrypting import CHOSEN, NEW_KEY, OF_PHONE, OF_RELAY, SECURE, TAKEN, WITH_RELAY
from .phone import G722, NO_AUDIO, TONES, ZERO, Phoning, sdp

ACKNOWLEDGED: Final = (AcceptSession, InitiateSession)
MOVED: Final = RawUdp((Candidate(1, "127.0.0.7", 4100),))
PROXY: Final = replace(MD5, realm="proxy.test", proxy=True)
CHALLENGES: Final = ((), (MD5,), (replace(MD5, nonce="n2", stale=True),), (PROXY,), (PROXY, replace(MD5, proxy=True)))
TAGS: Final = ("bob", "bob", "bob", "desk")
BODIES: Final[tuple[Body | None, ...]] = (
    *(None, sdp(), sdp(PCMU, PCMA, TONES), sdp(senders="initiator"), sdp(senders="none"), sdp(at=ZERO)),
    *(NO_AUDIO, sdp(G722), OtherBody("text/plain", 3), OtherBody("application/sdp", 3, "It is broken.")),
    *(sdp(crypto=keys, required=required) for keys in (OF_PHONE, CHOSEN, NEW_KEY) for required in (True, False)),
)
STATUSES: Final = (
    180,
    183,
    180,
    183,
    200,
    200,
    200,
    200,
    491,
    302,
    401,
    408,
    422,
    481,
    486,
    487,
    488,
    491,
    500,
    503,
    603,
)
METHODS: Final = ("INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "INFO", "OPTIONS", "PRACK", "REFER", "MESSAGE")
HEADERS: Final = (
    SipHeaders(),
    SipHeaders(),
    SipHeaders(require=("100rel",), rseq=1),
    SipHeaders(require=("100rel",), rseq=2),
    SipHeaders(supported=("timer",), session_expires=SessionTimer(100, "uac")),
    SipHeaders(supported=("timer",), session_expires=SessionTimer(100, "uas"), allow=("UPDATE",)),
    SipHeaders(supported=("timer",), session_expires=SessionTimer(10)),
    SipHeaders(require=("strange",)),
    SipHeaders(min_se=500, retry_after=3),
    SipHeaders(rack=RAck(1, 1, "INVITE")),
)


OF_RELAY_BODIES: Final = (
    *(PHONE_OFFER, FOR_PHONE, replace(FOR_PHONE, crypto=TAKEN)),
    *(replace(FOR_PHONE, crypto=keys, encryption_required=True) for keys in (OF_RELAY, TAKEN)),
)
KINDS: Final = ("response", "response", "request", "request", "client", "client", "gateway")
OF_GATEWAY: Final[tuple[Event, ...]] = (*(EdgeRestarted(), TimePassed()) * 4, *(Restarted(),) * 2, Stopping())
EDGES: Final = ("here", "there")


class Watched(Phoning):
    """A story whose every event is checked as it is told."""

    def __init__(self, account: SipAccount | None = None, login: bool = True, **accepted: Any) -> None:
        super().__init__(account, login, **accepted)
        self.received: list[RequestHead] = []
        self.numbers: dict[tuple[str, str | None], int] = {}
        self.described: dict[str, Sdp] = {}
        self.responses: list[SendResponse] = []
        self.answers_given: set[tuple[str, str, Challenge, int]] = set()

    def watch(self, event: Event, after: float) -> None:
        """Tell an event, and check rules 2 to 5, and 8."""
        leg = next((call.sip for call in self.user.calls.values() if isinstance(call.sip, UserAgentPhase)), None)
        self.tell(event, after)
        if isinstance(event, SipRequestReceived | InviteReceived):
            self._check_responses(event)
        if isinstance(event, SipResponseReceived):
            self._check_ack(event, leg)
        for each in self.all(SendRequest):
            self._check_number(each)
            self._check_credentials(each)
            if not each.repeats:
                self._check_version(each.dialog, each.body)
        for response in self.all(SendResponse):
            if response not in self.responses:
                self._check_version(response.dialog, response.body)
                self.responses.append(response)
        waiting = [each.command for each in self.user.pending.values()]
        invites = [each.dialog for each in waiting if isinstance(each, SendRequest) and each.method == "INVITE"]
        assert len(invites) == len(set(invites))

    def _check_responses(self, event: SipRequestReceived | InviteReceived) -> None:
        finals = [each for each in self.all(SendResponse) if each.status >= 200 and each.head == event.head]
        waits = isinstance(event, InviteReceived) and bool(self.user.calls)
        if event.head.method == "ACK":
            assert not finals
        else:
            assert len(finals) == 1 or (waits and not finals)
        if isinstance(event, InviteReceived):
            self.received.append(event.head)

    def _check_ack(self, event: SipResponseReceived, leg: UserAgentPhase | None) -> None:
        of = invites_of(leg)
        if event.method == "INVITE" and 200 <= event.status < 300 and event.command in of:
            [ack] = [each for each in self.all(SendRequest) if each.method == "ACK"]
            assert (ack.cseq, ack.recipient.tag) == (of[event.command].cseq, event.remote_tag)

    def _check_number(self, request: SendRequest) -> None:
        if request.method in ("ACK", "CANCEL") or request.repeats:
            return
        dialog = (request.call_id, request.recipient.tag)
        begun = self.numbers.get((request.call_id, None), 0)
        assert request.cseq > self.numbers.get(dialog, begun)
        self.numbers[dialog] = request.cseq

    def _check_credentials(self, request: SendRequest) -> None:
        realms = [(each.challenge.proxy, each.challenge.realm) for each in request.credentials]
        assert len(realms) == len(set(realms)) <= 4
        for each in request.credentials:
            before = request.call_id, request.method, each.challenge, each.count - 1
            assert each.count == 1 or request.method == "ACK" or before in self.answers_given
            self.answers_given.add((request.call_id, request.method, each.challenge, each.count))

    def _check_version(self, dialog: str | None, body: Body | None) -> None:
        if not isinstance(body, Sdp) or dialog is None:
            return
        before = self.described.get(dialog)
        if before is not None and replace(before, version=0) != replace(body, version=0):
            assert body.version > before.version
        self.described[dialog] = body

    def finals(self, head: RequestHead) -> int:
        """The number of final responses to a request, without repetitions."""
        said = (each.command for each in self.issued)
        return len(
            {each.status for each in said if isinstance(each, SendResponse) and each.head == head and each.status > 199}
        )


def invites_of(leg: UserAgentPhase | None) -> dict[str, SendRequest]:
    """The INVITEs of which a 2xx has to be confirmed, by id."""
    match leg:
        case UacCalling(invite=invite) | UacProceeding(invite=invite) | UacCancelling(invite=invite):
            return {invite.command: invite.request}
        case Confirmed(invites=invites, exchange=exchange):
            sent = getattr(exchange, "sent", None)
            under_way = (sent,) if sent and sent.request.method == "INVITE" else ()
            return {each.command: each.request for each in (*invites, *under_way)}
        case Releasing(invites=invites) | Lingering(invites=invites):
            return {each.command: each.request for each in invites}
        case _:
            return {}


# --- what may happen


def of_client(story: Watched) -> Iterator[Event]:
    """Yield what the client may do."""
    iq = story.iq(BOB)
    for sid in (each.sid for call in story.user.calls.values() for each in jingle_leg.sessions(call.jingle)):
        yield from (SessionInformed(iq, sid, info) for info in ("hold", "unhold", "ringing"))
        yield from (SessionTerminated(iq, sid, "success"), SessionAccepted(iq, sid, (OFFER,)))
        yield TransportInformed(iq, sid, (Content("voice", transport=MOVED),))
        yield from (IqSucceeded(each.id, DESK) for each in story.issued if isinstance(each.command, ACKNOWLEDGED))


def response(story: Watched, data: st.DataObject) -> Event:
    """Draw a response to one of our latest requests."""
    issued = data.draw(st.sampled_from(requests(story)[-6:]))
    request = issued.command
    assert isinstance(request, SendRequest)
    command = request.cancels or request.repeats or issued.id
    dialog = request.dialog or command
    if data.draw(st.integers(0, 9)) == 0:
        return SipRequestUndelivered(dialog, issued.id, data.draw(st.sampled_from(Undelivered)))
    return SipResponseReceived(
        dialog,
        command,
        request.method,
        data.draw(st.sampled_from(STATUSES)),
        "words",
        REGISTRAR,
        request.recipient.tag or data.draw(st.sampled_from(TAGS)),
        "sip:x@192.0.2.7",
        (),
        data.draw(st.sampled_from(HEADERS)),
        data.draw(st.sampled_from(BODIES)),
        data.draw(st.sampled_from(CHALLENGES)),
        data.draw(st.booleans()),
    )


def requests(story: Watched) -> list[Issued]:
    """Return the requests of ours that have responses."""
    return [each for each in story.issued if isinstance(each.command, SendRequest) and each.command.method != "ACK"]


def request(story: Watched, data: st.DataObject) -> Event:
    """Draw a request of the phone within the dialog, or of none."""
    method = data.draw(st.sampled_from(METHODS))
    heads = [each.command.head for each in story.issued if isinstance(each.command, SendResponse)]
    dialog, call_id = story.of_dialog()
    head = story.head(method, call_id=data.draw(st.sampled_from((call_id, call_id, call_id, "another-call"))))
    if method in ("ACK", "CANCEL") and heads:
        head = replace(data.draw(st.sampled_from(heads[-3:])), method=method)
    elif data.draw(st.integers(0, 5)) == 0:
        head = replace(head, cseq=data.draw(st.integers(1, head.cseq)))
    return SipRequestReceived(
        dialog,
        head,
        REGISTRAR,
        data.draw(st.sampled_from(TAGS)),
        data.draw(st.sampled_from(("sip:y@192.0.2.9", None))),
        data.draw(st.sampled_from(HEADERS)),
        data.draw(st.sampled_from(BODIES)),
        data.draw(st.sampled_from((None, "digit1"))),
    )


def anything(story: Watched, data: st.DataObject) -> Event:
    """Draw an event that may come now."""
    kind = data.draw(st.sampled_from(KINDS))
    client = list(of_client(story))
    if kind == "response" and requests(story):
        return response(story, data)
    if kind == "request" and story.has_dialog:
        return request(story, data)
    if kind == "client" and client:
        chosen: Event = data.draw(st.sampled_from(client))
        return chosen
    policies = (PolicyChanged(replace(story.user.policy, edge=each)) for each in EDGES)
    event: Event = data.draw(st.sampled_from((*OF_GATEWAY, *policies)))
    return event


Step: TypeAlias = Callable[[Watched, st.DataObject], None]


def begin(story: Watched, data: st.DataObject) -> None:
    """Begin a call, either way, and bring it to some point."""
    out = data.draw(st.booleans(), "out")
    steps: tuple[Step, ...] = (
        (call, log_in, ring, ring_elsewhere, answer, hold, cross) if out else (invite, accept, acknowledge)
    )
    for step in steps[: data.draw(st.integers(1, len(steps)), "steps")]:
        step(story, data)


def call(story: Watched, data: st.DataObject) -> None:
    """The client calls."""
    story.watch(SessionInitiated(story.iq(BOB), "s1", (OFFER,)), 1.0)


def log_in(story: Watched, data: st.DataObject) -> None:
    """Servers on the way ask for a login, perhaps, one after the other."""
    for _ in range(data.draw(st.integers(0, 2), "logins")):
        command, sent = story.sent_all("INVITE")[-1]
        asked = SipResponseReceived(sent.dialog or command, command, "INVITE", 407, "Login", REGISTRAR, "proxy")
        story.watch(replace(asked, challenges=data.draw(st.sampled_from(CHALLENGES))), 0.1)


def ring(story: Watched, data: st.DataObject) -> None:
    """The phone rings, perhaps with a reliable response."""
    story.responds(180, headers=data.draw(st.sampled_from(HEADERS)))


def ring_elsewhere(story: Watched, data: st.DataObject) -> None:
    """Another phone rings, too."""
    story.responds(180, remote_tag="desk")


def answer(story: Watched, data: st.DataObject) -> None:
    """The phone answers."""
    story.answers(headers=data.draw(st.sampled_from(HEADERS)))


def hold(story: Watched, data: st.DataObject) -> None:
    """The client holds."""
    story.watch(SessionInformed(story.iq(BOB), "s1", "hold"), 1.0)


def cross(story: Watched, data: st.DataObject) -> None:
    """The phone has offered something at the same time."""
    story.responds(491)


def invite(story: Watched, data: st.DataObject) -> None:
    """The phone calls."""
    story.invites(data.draw(st.sampled_from(BODIES)), headers=data.draw(st.sampled_from(HEADERS)))
    story.received.append(story.arrived.head)


def accept(story: Watched, data: st.DataObject) -> None:
    """The client accepts, if it was called."""
    for event in of_client(story):
        if isinstance(event, SessionAccepted):
            story.watch(event, 1.0)


def acknowledge(story: Watched, data: st.DataObject) -> None:
    """The phone acknowledges the final response."""
    story.acknowledges(body=data.draw(st.sampled_from(BODIES)))


def relay(story: Watched, data: st.DataObject) -> None:
    """The relay answers what it was asked last, or something else happens to it."""
    asked = [each.id for each in story.issued if isinstance(each.command, OfferRelay | AnswerRelay | DeleteRelay)]
    events: list[Event] = [RelayLost("It is gone.")]
    for id in asked[-2:]:
        events += (RelayDescribed(id, body) for body in OF_RELAY_BODIES)
        events += (RelayRefused(id, "It is overloaded."), RelayDone(id))
    story.watch(data.draw(st.sampled_from(events)), 1.0)


def described(kind: type[OfferRelay | AnswerRelay], body: Description) -> Step:
    """Return the step in which the relay answers the latest command of a kind."""
    return lambda story, _: story.watch(RelayDescribed(story.id_of(kind), body), 1.0)


def invite_encrypted(story: Watched, data: st.DataObject) -> None:
    """The phone calls, and demands encryption."""
    story.invites(sdp(crypto=OF_PHONE, required=True))
    story.received.append(story.arrived.head)


def answer_encrypted(story: Watched, data: st.DataObject) -> None:
    """The phone answers with a key."""
    story.answers(sdp(crypto=CHOSEN, required=True))


OUT: Final[tuple[Step, ...]] = (
    call,
    described(OfferRelay, replace(FOR_PHONE, crypto=OF_RELAY, encryption_required=True)),
    answer_encrypted,
    described(AnswerRelay, PHONE_OFFER),
    hold,
)
IN: Final[tuple[Step, ...]] = (
    invite_encrypted,
    described(OfferRelay, PHONE_OFFER),
    accept,
    described(AnswerRelay, replace(FOR_PHONE, crypto=TAKEN, encryption_required=True)),
    acknowledge,
)
"""A call through a relay that encrypts, either way."""


def end(story: Watched) -> None:
    """Let everything come to its end: the account is cancelled, and every deadline passes."""
    story.watch(RegistrationCancelled(story.iq()), 1.0)
    for _ in range(200):
        if not (due := deadlines(story.user)):
            break
        story.watch(TimePassed(), max(0.0, min(each.at for each in due) - story.at))


@pytest.mark.slow("draws thirty stories")
@settings(max_examples=examples(30))
@given(st.data())
def test_whatever_happens_nothing_is_said_without_the_encryption_that_is_required(data: st.DataObject) -> None:
    """Rules 1 to 8, with a relay that may do anything."""
    story = Watched(SipAccount("alice@sip.test", transport="tls", srtp="required"), source=SECURE)
    story.tell(PolicyChanged(WITH_RELAY))
    steps = data.draw(st.sampled_from((OUT, IN)))
    for step in steps[: data.draw(st.integers(1, len(steps)), "steps")]:
        step(story, data)
    for _ in range(data.draw(st.integers(3, 25), "events")):
        if data.draw(st.integers(0, 3)) == 0:
            relay(story, data)
        else:
            story.watch(anything(story, data), data.draw(st.sampled_from((0.0, 0.0, 0.0, 0.0, 1.0, 35.0))))
        for body in (each.command.body for each in story.last if isinstance(each.command, SendRequest | SendResponse)):
            assert body is None or is_encrypted(body)
    end(story)
    assert not story.user.calls
    assert story.unanswered() == []
    assert all(story.finals(head) == 1 for head in story.received)
    assert all(each.encrypted for each in story.noted() if isinstance(each, RecordMedia))
    assert pseudonymised(tuple(story.entries)).otherwise == ()


def is_encrypted(body: Body) -> bool:
    return isinstance(body, Sdp) and bool(body.audio and body.audio.description and body.audio.description.crypto)


@pytest.mark.slow("draws fifty stories")
@settings(max_examples=examples(50))
@given(st.data())
def test_whatever_happens_in_a_call_the_rules_hold(data: st.DataObject) -> None:
    story = Watched()
    begin(story, data)
    for _ in range(data.draw(st.integers(3, 25), "events")):
        event = anything(story, data)
        story.watch(event, data.draw(st.sampled_from((0.0, 0.0, 0.0, 0.0, 1.0, 35.0))))
    end(story)
    assert not story.user.calls
    assert story.unanswered() == []
    assert all(story.finals(head) == 1 for head in story.received)
    assert pseudonymised(tuple(story.entries)).otherwise == ()
