"""A call as the rungs of a ladder: what passed between client, gateway, SIP side and relay, in its order.

Rules:

1. Every event of the call is a rung, and every command for it; what a step did about other things is in neither.
2. A rung goes from one post to another; where nothing passed (time, a note, a bug) both are the gateway's.
3. The words are the protocols' own, and some are the other end's: hostile text.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple, assert_never

from fargo.statemachine.address import bare
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.model.call_records import CallRecord, LogRecord, RecordBegun
from fargo.statemachine.model.commands import (
    AcceptIq,
    Fault,
    Forget,
    ForgetSecret,
    Issued,
    RefuseIq,
    SendText,
    SipCommand,
    VaultCommand,
    XmppCommand,
)
from fargo.statemachine.model.events import (
    Event,
    GatewayEvent,
    PolicyChanged,
    Restarted,
    SipEvent,
    Snapshot,
    Stopping,
    StreamOpened,
    TimePassed,
    XmppEvent,
)
from fargo.statemachine.model.ng import RelayCommand, RelayEvent
from replay.drawing import call_records, relay, sip, xmpp
from replay.drawing.label import Said, failed
from replay.reading import channels
from replay.reading.steps import Step


class Post(StrEnum):
    """Who stands where on a ladder, from left to right."""

    CLIENT = "XMPP client"
    GATEWAY = "gateway"
    SIP = "SIP"
    RELAY = "relay"


class Rung(NamedTuple):
    """What was said, from where to where. ``command`` is the id of the command that it comes of, "" for the event;
    ``client`` the JID of the client that it came from or went to, "" if it is none of theirs.
    """

    start: Post
    end: Post
    said: Said
    command: str = ""
    client: str = ""


class Rungs:
    """The rungs of one call, whose steps have to come in their order."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._names: set[str] = set()
        self._caller = ""

    def of(self, step: Step) -> Iterator[Rung]:
        """What was received in this step, then what was sent because of it, then what was noted."""
        recorded, issued, before, after = step
        call = before.calls.get(self._call)
        self._learn(call, after.calls.get(self._call), issued)
        yield _received(recorded.event, call)
        for each in issued:
            if self._has(each):
                yield _sent(each, call, recorded.user)

    def _learn(self, before: Call | None, after: Call | None, issued: tuple[Issued, ...]) -> None:
        """The names of the call's sessions (the relay's too) and channels, and its caller's."""
        for call in filter(None, (before, after)):
            self._names |= {call.sip.name or "", *(session.sid for session in sessions(call.jingle))}
            self._names |= {session.terms.name for session in call.relay}
            self._caller = bare(call.caller.jid) if call.caller else ""
        for each in issued:
            if isinstance(each.command, RecordBegun) and each.command.call == self._call:
                self._names.add(each.command.session)
        self._names.discard("")

    def _has(self, issued: Issued) -> bool:
        """Whether a command is for this call."""
        command = issued.command
        if isinstance(command, AcceptIq | RefuseIq):
            return True
        if isinstance(command, SendText):
            return command.sender == self._caller
        if isinstance(command, Fault | CallRecord):
            return command.call == self._call
        if isinstance(command, SipCommand):
            return channels.channel_of(issued) in self._names
        names = {getattr(command, field, "") for field in ("sid", "session")}
        return bool(names & self._names)


def phases(call: Call | None) -> list[str]:
    """Where the call stands: the phases of its legs, and of the relay's sessions for it."""
    if call is None:
        return ["over"]
    relayed = sorted({type(session).__name__ for session in call.relay})
    return [each.lower() for each in (type(call.jingle).__name__, type(call.sip).__name__, *relayed)]


def _received(event: Event, call: Call | None) -> Rung:
    if isinstance(event, XmppEvent):
        return Rung(Post.CLIENT, Post.GATEWAY, xmpp.received(event), client=xmpp.client(event))
    if isinstance(event, SipEvent):
        return Rung(Post.SIP, Post.GATEWAY, sip.received(event, call.sip if call else None))
    if isinstance(event, RelayEvent):
        return Rung(Post.RELAY, Post.GATEWAY, relay.received(event))
    return Rung(Post.GATEWAY, Post.GATEWAY, _happened(event))


def _sent(issued: Issued, call: Call | None, user: str) -> Rung:
    command = issued.command
    if isinstance(command, XmppCommand):
        return Rung(Post.GATEWAY, Post.CLIENT, xmpp.sent(command), issued.id, xmpp.client(command))
    if isinstance(command, SipCommand):
        return Rung(Post.GATEWAY, Post.SIP, sip.sent(command, call.sip if call else None), issued.id)
    if isinstance(command, RelayCommand):
        return Rung(Post.GATEWAY, Post.RELAY, relay.sent(command), issued.id)
    return Rung(Post.GATEWAY, Post.GATEWAY, _did(command, user), issued.id)


def _happened(event: GatewayEvent) -> Said:
    match event:
        case Restarted():
            return failed("The gateway was restarted.")
        case Stopping():
            return Said("The gateway is being stopped.")
        case StreamOpened():
            return Said("The XMPP stream is open (again).")
        case PolicyChanged(policy=policy):
            return Said(f"Audio may go: {policy.path}; there is {'a' if policy.relay else 'no'} media relay.")
        case TimePassed():
            return Said("Time has passed.")
        case Snapshot():
            return Said("What was before has been condensed.")
        case _:
            assert_never(event)


def _did(command: VaultCommand | Forget | Fault | LogRecord, user: str) -> Said:
    match command:
        case Fault(error=error):
            return failed(f"A bug: {error}")
        case ForgetSecret():
            return Said("A password is forgotten.")
        case Forget():
            return Said("The user is forgotten.")
        case _:
            return call_records.words(command, user)
