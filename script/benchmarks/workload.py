"""What the core is measured with: users who are always in calls, and each event as the real world signals it.

Rules:

1. A user is registered, signed in, and online with one client that can take calls. What made them so is not measured.
2. A user's calls go out and come in by turns, and each lives its whole life: offer, ringing, answer, hold and resume,
   hang-up, with the acknowledgements of both sides. The next begins right after. So of all live calls some ring, most
   talk, and some end.
3. Users are at different places in their calls, and take turns. A turn is what is signalled in one go: mostly one
   event, but half a dozen when a phone answers.
4. What the world answers follows from the machine's commands, as in life: so the events are found by folding.
"""

from collections.abc import Generator, Iterator
from itertools import chain, count, islice

from fargo.statemachine.machine import fold, new
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, RawUdp
from fargo.statemachine.model.call1 import (
    HELD,
    RINGING,
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChannelClosed,
    DescriptionReceived,
    FlowState,
    PlaceCall,
    ReceivingStateChanged,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import (
    AcceptSession,
    AskFeatures,
    Command,
    Fault,
    InformSession,
    InitiateSession,
    Issued,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    Iq,
    IqSucceeded,
    Recorded,
    RegistrationSubmitted,
    ResourceAvailable,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    SipAccount,
    SipSignedIn,
    TimePassed,
)

Commands = tuple[Issued, ...]
Effects = tuple[Event, ...]
Script = Generator[Effects, Commands, None]
"""Says what happens next, and is sent what the machine did about it."""

START = 1_750_000_000.0
"""When everybody is there."""
PACE = 0.25
"""Seconds between two turns of a user."""
ARRIVAL = 4
"""Turns until a user is there."""
APART = 50
"""Users are at so many different places of their calls."""

GATEWAY = "sip.example.org"
BOB = f"bob%example.net@{GATEWAY}/fargo"
CODECS = (
    Codec(9, "G722", 8000),
    Codec(0, "PCMU", 8000),
    Codec(8, "PCMA", 8000),
    Codec(101, "telephone-event", 8000),
)
CLIENT = RawUdp((Candidate(1, "192.0.2.1", 7078, "c1"), Candidate(2, "192.0.2.1", 7079, "c2")))
AUDIO = (Content("voice", description=Description("audio", CODECS, CLIENT)),)
PHONE = (Candidate(1, "198.51.100.1", 5000), Candidate(2, "198.51.100.1", 5001))
INFO = "urn:xmpp:jingle:apps:rtp:info:1"
FEATURES = (
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:transports:raw-udp:1",
)


class WorkloadError(Exception):
    """The machine does not do what the workload is made for."""


def workload(users: int, calls: int, events: int) -> tuple[list[Recorded], list[Recorded]]:
    """So many events of so many users with so many calls each at any time, after those that brought them there."""
    lives = [_life(number, calls) for number in range(users)]
    before = [
        recorded
        for number, life in enumerate(lives)
        for effects in islice(life, _begun(number))
        for recorded in effects
    ]
    by_turns = chain.from_iterable(chain.from_iterable(zip(*lives, strict=True)))
    return sorted(before, key=lambda recorded: recorded.at), list(islice(by_turns, events))


def _begun(number: int) -> int:
    """How many turns bring a user there."""
    return ARRIVAL + number % APART


def _life(number: int, calls: int) -> Iterator[list[Recorded]]:
    """A user's turns, without an end."""
    jid = f"user{number}@example.org"
    user, script, versions = new(jid), _day(jid, number, calls), count(1)
    events = next(script)
    for effects in count(1):
        recorded = [Recorded(jid, next(versions), START + (effects - _begun(number)) * PACE, event) for event in events]
        issued: Commands = ()
        for each in recorded:
            user, commands = fold(user, each)
            issued += commands
        if faults := [each.command.error for each in issued if isinstance(each.command, Fault)]:
            raise WorkloadError(f"The machine has a fault: {faults[0]}")
        yield recorded
        events = script.send(issued)


def _day(jid: str, number: int, calls: int) -> Script:
    """The user arrives; then each of their calls by turns."""
    client = f"{jid}/desk"
    account = SipAccount("me@example.net")
    issued = yield (RegistrationSubmitted(Iq(client, GATEWAY, "r"), account, "secret", "nonce"),)
    connection = _id(issued, SignIn)
    yield (SipSignedIn(connection),)
    issued = yield (ResourceAvailable(client, GATEWAY, "https://example.org#1"),)
    yield (FeaturesLearned(_id(issued, AskFeatures), client, FEATURES),)
    names = count(1)
    scripts = [_calls(client, connection, names, outward=(number + each) % 2 == 0) for each in range(calls)]
    turns = [next(script) for script in scripts]
    while True:
        for place, script in enumerate(scripts):
            issued = yield turns[place]
            turns[place] = script.send(issued)


def _calls(client: str, connection: str, names: Iterator[int], outward: bool) -> Script:
    """One call after the other."""
    while True:
        name = f"{next(names)}"
        yield from _call_out(client, name) if outward else _call_in(client, f"{connection}/{name}", connection)
        outward = not outward


def _call_out(client: str, sid: str) -> Script:
    """The client calls, the phone answers, and the client hangs up."""
    issued = yield (SessionInitiated(Iq(client, BOB, f"{sid}a"), sid, AUDIO),)
    channel = _id(issued, PlaceCall)
    yield (
        CallStateChanged(channel, CallState.INITIALISING),
        CallStateChanged(channel, CallState.INITIALISED, 2, message="User has accepted to start the call"),
        ReceivingStateChanged(channel, FlowState.PENDING_START),
    )
    yield (ReceivingStateChanged(channel, FlowState.STARTED),)
    yield from _heard(client, CallMembersChanged(channel, RINGING))
    yield from _heard(
        client,
        *(CandidatesReceived(channel, (candidate,)) for candidate in PHONE),
        DescriptionReceived(channel, CODECS[1:]),
        CallStateChanged(channel, CallState.ACCEPTED),
        CallStateChanged(channel, CallState.ACTIVE, 1),
        SendingStateChanged(channel, FlowState.PENDING_START),
    )
    yield (SendingStateChanged(channel, FlowState.STARTED),)
    yield from _held(client, channel)
    yield (TimePassed(),)
    yield from _muted(client, BOB, sid)
    yield (SessionTerminated(Iq(client, BOB, f"{sid}z"), sid, "success"),)
    yield (CallStateChanged(channel, CallState.ENDED, 2),)
    yield (ChannelClosed(channel),)


def _call_in(client: str, channel: str, connection: str) -> Script:
    """A phone calls, the client rings and answers, and the phone hangs up."""
    arrived = CallArrived(channel, connection, "sip:bob@example.net", CODECS, PHONE, CallState.INITIALISED)
    issued = yield (arrived,)
    invitation = next(each.command for each in issued if isinstance(each.command, InitiateSession))
    us, sid = invitation.sender, invitation.sid
    yield (IqSucceeded(_id(issued, InitiateSession), client),)
    yield (SessionInformed(Iq(client, us, f"{sid}r"), sid, "ringing", INFO),)
    yield (CallStateChanged(channel, CallState.INITIALISED, 1, message="Local client has started ringing"),)
    yield (SessionAccepted(Iq(client, us, f"{sid}a"), sid, AUDIO),)
    yield (
        CallStateChanged(channel, CallState.ACCEPTED, 2),
        CallStateChanged(channel, CallState.ACTIVE, 2),
        SendingStateChanged(channel, FlowState.PENDING_START),
        ReceivingStateChanged(channel, FlowState.PENDING_START),
    )
    yield ReceivingStateChanged(channel, FlowState.STARTED), SendingStateChanged(channel, FlowState.STARTED)
    yield from _held(client, channel)
    yield from _muted(client, us, sid)
    yield from _heard(client, CallStateChanged(channel, CallState.ENDED, 2, message="SIP status code 0"))
    yield (ChannelClosed(channel),)


def _held(client: str, channel: str) -> Script:
    """The phone holds the call and takes it up again."""
    yield from _heard(client, SendingStateChanged(channel, FlowState.PENDING_STOP), CallMembersChanged(channel, HELD))
    yield (SendingStateChanged(channel, FlowState.STOPPED),)
    yield from _heard(client, SendingStateChanged(channel, FlowState.PENDING_START), CallMembersChanged(channel, 0))
    yield (SendingStateChanged(channel, FlowState.STARTED),)


def _muted(client: str, us: str, sid: str) -> Script:
    for info in ("mute", "unmute"):
        yield (SessionInformed(Iq(client, us, f"{sid}{info}"), sid, info, INFO),)


def _heard(client: str, *events: Event) -> Script:
    """The client acknowledges what it is told because of the events."""
    issued = yield events
    for each in issued:
        if isinstance(each.command, AcceptSession | InformSession | TerminateSession):
            yield (IqSucceeded(each.id, client),)


def _id(issued: Commands, kind: type[Command]) -> str:
    """The id of the command of a kind that the machine must have issued."""
    for each in issued:
        if isinstance(each.command, kind):
            return each.id
    raise WorkloadError(f"There is no {kind.__name__} where the workload has one.")
