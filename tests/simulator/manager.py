"""The Telepathy connection manager and the phones behind it, as Call1 shows them.

Rules:

1. A command reaches it at once; its signals wait in `sent`, in the order of one bus.
2. Which signal follows which was seen with the real manager: a call out signals 2, 3, and pending receiving; an answer
   signals addresses one by one, codecs, 4, 5, and pending sending; an answered call in signals 4, 5 and both pending.
3. Hanging up or closing what is not there is answered with its being closed; any other command for it is dropped, as
   is any for a call whose end has been signalled.
4. `Broken` is raised for what the manager would not survive, or would never recover from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from fargo.statemachine.call1 import (
    HELD,
    RINGING,
    AcceptDescription,
    AnswerCall,
    CallArrived,
    CallFailed,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChangeReason,
    ChannelClosed,
    CloseChannel,
    CompleteReceiving,
    CompleteSending,
    DescriptionReceived,
    FlowState,
    HangUp,
    PlaceCall,
    ReceivingStateChanged,
    RejectDescription,
    RingCall,
    SendingStateChanged,
)
from fargo.statemachine.commands import Issued, SignIn, SignOut
from fargo.statemachine.events import Event, SipSignedIn, SipSignedOut, SipTrouble
from fargo.statemachine.media import Codec

from .invariants import Broken
from .quirks import Quirk
from .values import CALLER, G722, PCMA, PCMU, PHONE_MEDIA

REFUSALS: Final = {
    "busy": (ChangeReason.BUSY, "486 Busy Here"),
    "not found": (ChangeReason.INVALID_CONTACT, "404 Not Found"),
    "not acceptable": (ChangeReason.USER_REQUESTED, "488 Not Acceptable Here"),
    "unreachable": (ChangeReason.SERVICE_ERROR, "504 gateway: The SIP server does not respond"),
}
BYE: Final = (ChangeReason.USER_REQUESTED, "SIP status code 0")
TROUBLES: Final = {each.value: each for each in SipTrouble if each is not SipTrouble.ASKED}


@dataclass(frozen=True, slots=True)
class Channel:
    """A call. ``phone``: whether the far end is in it. ``waiting``: the descriptions to be decided on, "answer" for
    the one in the answer of a call out, "again" for a later one.
    """

    name: str
    connection: str
    incoming: bool
    phase: str
    phone: bool = False
    waiting: tuple[str, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True)
class Manager:
    """The manager. ``calls``: how many calls in may still come; ``connections``: by name, whether they are up."""

    calls: int = 0
    arrived: int = 0
    connections: tuple[tuple[str, bool], ...] = ()
    channels: tuple[Channel, ...] = ()
    sent: tuple[Event, ...] = ()

    # --- what may happen next

    def moves(self, quirks: frozenset[Quirk]) -> Iterator[tuple[str, str]]:
        """Everything that registrars, phones and the manager itself could do: what, and to which connection or
        channel.
        """
        for name, up in self.connections:
            yield from ((move, name) for move in self._connection_moves(up, quirks))
        for channel in self.channels:
            yield from ((move, channel.name) for move in _channel_moves(channel, quirks))
        if Quirk.HOST in quirks and self.connections:
            yield ("die", "")

    def _connection_moves(self, up: bool, quirks: frozenset[Quirk]) -> Iterator[str]:
        if up and self.calls:
            yield "call"
            if Quirk.CODECS in quirks:
                yield "call with strange codecs"
        if not up:
            yield "sign in"
        if Quirk.ACCOUNT in quirks:
            yield from (f"sign out: {trouble}" for trouble in TROUBLES)

    def act(self, what: str, name: str) -> "Manager":
        """The manager after it has happened."""
        if what == "die":
            gone = replace(self, connections=(), channels=())
            return gone._says(*(SipSignedOut(name, SipTrouble.HOST) for name, _ in self.connections))
        if what == "sign in":
            up = tuple((each, here or each == name) for each, here in self.connections)
            return replace(self, connections=up)._says(SipSignedIn(name))
        if what.startswith("sign out: "):
            return self._disconnected(name)._says(SipSignedOut(name, TROUBLES[what.removeprefix("sign out: ")]))
        if what in ("call", "call with strange codecs"):
            return self._arrives(name, (G722,) if what.endswith("codecs") else (PCMU, PCMA))
        channel, signals = _moved(self._channel(name), what)
        return self._with(channel)._says(*signals)

    def _arrives(self, connection: str, codecs: tuple[Codec, ...]) -> "Manager":
        channel = Channel(f"{connection}/{self.arrived}", connection, True, "arriving", phone=True)
        arrived = replace(self, calls=self.calls - 1, arrived=self.arrived + 1, channels=(*self.channels, channel))
        return arrived._says(CallArrived(channel.name, connection, CALLER, codecs, PHONE_MEDIA, CallState.INITIALISED))

    def _disconnected(self, name: str) -> "Manager":
        return replace(
            self,
            connections=tuple(each for each in self.connections if each[0] != name),
            channels=tuple(each for each in self.channels if each.connection != name),
        )

    def crash(self) -> "Manager":
        """It goes down with the gateway."""
        return replace(self, connections=(), channels=(), sent=())

    # --- what it is told

    def hear(self, issued: Issued) -> "Manager":
        """The manager after a command has reached it."""
        command = issued.command
        match command:
            case SignIn():
                return replace(self, connections=(*self.connections, (issued.id, False)))
            case SignOut(name):
                closed = (ChannelClosed(each.name) for each in self.channels if each.connection == name)
                return self._disconnected(name)._says(*closed, SipSignedOut(name, SipTrouble.ASKED))
            case PlaceCall(connection):
                return self._places(issued.id, connection)
            case HangUp(name) | CloseChannel(name) if not self._has(name):
                return self._says(ChannelClosed(name))
            case CloseChannel(name):
                left = tuple(each for each in self.channels if each.name != name)
                return replace(self, channels=left)._says(ChannelClosed(name))
            case (
                HangUp(name) | RingCall(name) | AnswerCall(name) | AcceptDescription(name) | RejectDescription(name)
                | CompleteReceiving(name) | CompleteSending(name)
            ) if self._has(name):  # fmt: skip
                channel, signals = _told(self._channel(name), command)
                return self._with(channel)._says(*signals)
            case _:
                return self

    def _places(self, name: str, connection: str) -> "Manager":
        if (connection, True) not in self.connections:
            return self._says(CallFailed(name, "NotAvailable"))
        placed = replace(self, channels=(*self.channels, Channel(name, connection, False, "placed")))
        return placed._says(
            CallStateChanged(name, CallState.INITIALISING),
            CallStateChanged(name, CallState.INITIALISED, ChangeReason.USER_REQUESTED),
            ReceivingStateChanged(name, FlowState.PENDING_START),
        )

    # --- itself

    def _has(self, name: str) -> bool:
        return any(each.name == name for each in self.channels)

    def _channel(self, name: str) -> Channel:
        return next(each for each in self.channels if each.name == name)

    def _with(self, channel: Channel) -> "Manager":
        return replace(self, channels=tuple(channel if c.name == channel.name else c for c in self.channels))

    def _says(self, *signals: Event) -> "Manager":
        return replace(self, sent=(*self.sent, *signals))


Signals = tuple[Event, ...]


def _channel_moves(channel: Channel, quirks: frozenset[Quirk]) -> Iterator[str]:
    """What may become of a call without our doing."""
    if channel.phase in ("placed", "accepting") and Quirk.FAILURES in quirks:
        yield "fail"
    if channel.phase in ("inviting", "ringing", "early"):
        yield from ("answer", *REFUSALS)
        if Quirk.CODECS in quirks and channel.phase != "early":
            yield "answer with strange codecs"
    if channel.phase == "inviting":
        yield "ring"
        if Quirk.EARLY in quirks:
            yield "early"
    if channel.incoming and channel.phone:
        yield "hang up"
    if channel.phase == "talking" and not channel.incoming:
        yield "hang up"
    if channel.phase == "talking" and Quirk.CHATTER in quirks:
        yield "resume" if channel.held else "hold"
        if "again" not in channel.waiting:
            yield from ("change codecs", "change to strange codecs")
    if channel.phase not in ("placed", "ended", "failed", "zombie") and Quirk.ZOMBIES in quirks:
        yield "turn zombie"


def _moved(channel: Channel, what: str) -> tuple[Channel, Signals]:
    """What a phone, or the manager, does."""
    name = channel.name
    if what in REFUSALS:
        return _ended(channel, *REFUSALS[what])
    match what:
        case "ring":
            return replace(channel, phase="ringing", phone=True), (CallMembersChanged(name, RINGING),)
        case "early":
            return replace(channel, phase="early", phone=True, waiting=("answer",)), _answer(name, (PCMU,))
        case "answer" if channel.phase == "early":
            return replace(channel, phase="talking"), ()
        case "answer" | "answer with strange codecs":
            codecs = (PCMU,) if what == "answer" else (G722,)
            return replace(channel, phase="talking", phone=True, waiting=("answer",)), _answer(name, codecs)
        case "hang up":
            return _ended(channel, *BYE)
        case "hold":
            return replace(channel, held=True), (
                SendingStateChanged(name, FlowState.PENDING_STOP), CallMembersChanged(name, HELD),
            )  # fmt: skip
        case "resume":
            return replace(channel, held=False), (
                SendingStateChanged(name, FlowState.PENDING_START), CallMembersChanged(name, 0),
            )  # fmt: skip
        case "change codecs" | "change to strange codecs":
            codecs = (PCMA, PCMU) if what == "change codecs" else (G722,)
            again = replace(channel, waiting=(*channel.waiting, "again"))
            return again, () if channel.waiting else (DescriptionReceived(name, codecs),)
        case "turn zombie":
            return replace(channel, phase="zombie", phone=False), ()
        case "fail":
            return replace(channel, phase="failed", phone=channel.incoming), (CallFailed(name, "InvalidArgument"),)
    raise AssertionError(f"a channel has no move {what}")


def _answer(name: str, codecs: tuple[Codec, ...]) -> Signals:
    return (
        *(CandidatesReceived(name, (each,)) for each in PHONE_MEDIA),
        DescriptionReceived(name, codecs),
        CallStateChanged(name, CallState.ACCEPTED),
        CallStateChanged(name, CallState.ACTIVE, ChangeReason.PROGRESS_MADE),
        SendingStateChanged(name, FlowState.PENDING_START),
    )


def _ended(channel: Channel, reason: int, message: str) -> tuple[Channel, Signals]:
    ended = replace(channel, phase="ended", phone=False, waiting=())
    return ended, (CallStateChanged(channel.name, CallState.ENDED, reason, "", message),)


def _told(channel: Channel, command: object) -> tuple[Channel, Signals]:
    """What a command makes of a call that is there."""
    name = channel.name
    if channel.phase in ("ended", "zombie"):
        return channel, ()
    match command:
        case HangUp(_, reason, message):
            return _ended(channel, reason, message)
        case RingCall():
            return channel, (CallStateChanged(name, CallState.INITIALISED, ChangeReason.PROGRESS_MADE),)
        case AnswerCall():
            if channel.phase != "arriving":
                raise Broken("a call is answered once", channel)
            return replace(channel, phase="accepting"), (
                CallStateChanged(name, CallState.ACCEPTED, ChangeReason.USER_REQUESTED),
                CallStateChanged(name, CallState.ACTIVE, ChangeReason.USER_REQUESTED),
                SendingStateChanged(name, FlowState.PENDING_START),
                ReceivingStateChanged(name, FlowState.PENDING_START),
            )
        case CompleteReceiving(_, state):
            return _receives(channel, state)
        case CompleteSending(_, state):
            return channel, (SendingStateChanged(name, state),)
        case AcceptDescription() | RejectDescription():
            return _decided(channel, isinstance(command, AcceptDescription))
    raise AssertionError(f"{command} is not for a channel")


def _receives(channel: Channel, state: int) -> tuple[Channel, Signals]:
    """The first completion sends the INVITE, or the 200; one that does not fit is refused."""
    after = {"placed": "inviting", "accepting": "talking"}.get(channel.phase)
    if after is None or state != FlowState.STARTED:
        return channel, (CallFailed(channel.name, "InvalidArgument"),)
    return replace(channel, phase=after), (ReceivingStateChanged(channel.name, state),)


def _decided(channel: Channel, accepted: bool) -> tuple[Channel, Signals]:
    if not channel.waiting:
        raise Broken("only what waits is decided on", channel)
    decided, *rest = channel.waiting
    if accepted == (decided == "answer"):
        raise Broken("an answer's description is rejected, a later one accepted", channel)
    next_one = (DescriptionReceived(channel.name, (PCMA, PCMU)),) if rest else ()
    return replace(channel, waiting=tuple(rest)), next_one
