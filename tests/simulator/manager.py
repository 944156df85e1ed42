"""The Telepathy connection manager and the phones behind it, as Call1 shows them.

Rules:

1. A command reaches it at once; its signals wait in `sent`, in the order of one bus.
2. Which signal follows which was seen with the real manager: a call out signals 2, 3, and pending receiving; an answer
   signals addresses one by one, codecs, 4, 5, and pending sending; an answered call in signals 4, 5 and both pending.
3. Hanging up or closing what is not there is answered with its being closed; any other command for it is dropped, as
   is any for a call whose end has been signalled.
4. The adapter is part of it: a hold is postponed while our re-INVITE for the one before has not been answered. The
   answer comes before the hold is requested again.
5. `Broken` is raised for what the manager would not survive, or would never recover from.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media.description import Candidate, Codec
from fargo.statemachine.model.call1 import (
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
    HoldPostponed,
    HoldStateChanged,
    PlaceCall,
    ReceivingStateChanged,
    RequestHold,
    RingCall,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import Issued, SignIn, SignOut
from fargo.statemachine.model.events import Event, SipSignedIn, SipSignedOut, SipTrouble

from .broken import Broken
from .quirks import Quirk
from .values import AWAY, CALLER, CLIENT, G722, PCMA, PCMU, PHONE, RELAY, phone_media

REFUSALS: Final = {
    "busy": (ChangeReason.BUSY, "486 Busy Here"),
    "not found": (ChangeReason.INVALID_CONTACT, "404 Not Found"),
    "not acceptable": (ChangeReason.USER_REQUESTED, "488 Not Acceptable Here"),
    "unreachable": (ChangeReason.SERVICE_ERROR, "504 gateway: The SIP server does not respond"),
}
CHANGES: Final = {"change codecs": (PCMA, PCMU), "change to strange codecs": (G722,)}
UNHELD, HOLDS, PENDING_HOLD, PENDING_UNHOLD = range(4)
"""Hold states of Channel.Interface.Hold."""
BYE: Final = (ChangeReason.USER_REQUESTED, "SIP status code 0")
TROUBLES: Final = {each.value: each for each in SipTrouble if each is not SipTrouble.ASKED}


_SETTLED: Final[dict[int, int]] = {
    FlowState.PENDING_START: FlowState.STARTED,
    FlowState.PENDING_STOP: FlowState.STOPPED,
}


class Channel(Struct, frozen=True):
    """A call.

    ``phone``: whether the far end is in it; ``held``: whether it has us on hold. ``waiting``: the descriptions to be
    decided on, one after the other (see `_decided`). ``sending``, ``receiving``: a FlowState; ``hold``: ours, as
    HoldStateChanged has it. ``asking``: our re-INVITE for it has not been answered. ``relayed``: it was told to send
    audio to the relay; ``at``: where it wants audio itself.
    """

    name: str
    connection: str
    incoming: bool
    phase: str
    phone: bool = False
    held: bool = False
    waiting: tuple[str, ...] = ()
    sending: int = FlowState.STOPPED
    receiving: int = FlowState.STOPPED
    hold: int = UNHELD
    asking: bool = False
    relayed: bool = False
    at: str = PHONE


class Manager(Struct, frozen=True):
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
        return arrived._says(
            CallArrived(channel.name, connection, CALLER, codecs, phone_media(), CallState.INITIALISED)
        )

    def _disconnected(self, name: str) -> "Manager":
        return replace(
            self,
            connections=tuple(each for each in self.connections if each[0] != name),
            channels=tuple(each for each in self.channels if each.connection != name),
        )

    def crash(self) -> "Manager":
        """It goes down with the gateway."""
        return replace(self, connections=(), channels=(), sent=())

    def taken(self) -> "Manager":
        """The manager after its next signal has arrived."""
        return replace(self, sent=self.sent[1:])

    def owed(self) -> Iterator[tuple[str, str]]:
        """Yield the moves that come once nothing is under way: registrars accept whoever signs in."""
        yield from (("sign in", name) for name, up in self.connections if not up)

    # --- what is seen of it in the end

    def left_ringing(self) -> tuple[Channel, ...]:
        """Return the calls with a phone that is in none."""
        return tuple(each for each in self.channels if each.phone and each.phase not in ("early", "talking"))

    def talkers(self) -> int:
        """Return the number of phones in a call."""
        return sum(channel.phone for channel in self.channels)

    def whereabouts(self) -> list[str]:
        """Return the addresses at which phones expect audio."""
        return [channel.at for channel in self.channels if channel.phone]

    def relayed(self) -> int:
        """Return the number of phones that send audio to the relay."""
        return sum(channel.relayed for channel in self.channels if channel.phone)

    def is_empty(self) -> bool:
        """Return True if no call is left."""
        return not self.channels

    def forgotten(self, connection: str | None) -> set[str]:
        """Return the connections other than that of the account."""
        return set(dict(self.connections)) - {connection}

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
            case PlaceCall(connection, candidates=candidates):
                return self._places(issued.id, connection, _relayed(candidates))
            case HangUp(name) | CloseChannel(name) if not self._has(name):
                return self._says(ChannelClosed(name))
            case CloseChannel(name):
                left = tuple(each for each in self.channels if each.name != name)
                return replace(self, channels=left)._says(ChannelClosed(name))
            case (
                HangUp(name) | RingCall(name) | AnswerCall(name) | AcceptDescription(name)
                | CompleteReceiving(name) | CompleteSending(name) | RequestHold(name)
            ) if self._has(name):  # fmt: skip
                channel, signals = _told(self._channel(name), command)
                return self._with(channel)._says(*signals)
            case _:
                return self

    def _places(self, name: str, connection: str, relayed: bool) -> "Manager":
        if (connection, True) not in self.connections:
            return self._says(CallFailed(name, "NotAvailable"))
        channel = Channel(name, connection, False, "placed", receiving=FlowState.PENDING_START, relayed=relayed)
        placed = replace(self, channels=(*self.channels, channel))
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
    """Yield the moves of a call that we do not cause."""
    if channel.phase in ("placed", "accepting") and Quirk.FAILURES in quirks:
        yield "fail"
    if channel.phase in ("inviting", "ringing", "early"):
        yield from ("answer", *REFUSALS)
        if Quirk.CODECS in quirks and channel.phase != "early":
            yield from ("answer with strange codecs", "answer without a description")
    if channel.phase == "inviting":
        yield "ring"
        if Quirk.EARLY in quirks:
            yield "early"
    if channel.incoming and channel.phone:
        yield "hang up"
    if channel.phase in ("early", "undescribed", "talking") and not channel.incoming:
        yield "hang up"
    if channel.phase == "undescribed":
        yield "describe"
    if channel.asking:
        yield from ("agree", "agree with other codecs")
    elif channel.phase == "talking" and Quirk.CHATTER in quirks:
        yield "resume" if channel.held else "hold"
        yield "move"
        if not set(channel.waiting) & set(CHANGES):
            yield from CHANGES
    if channel.phase not in ("placed", "ended", "failed", "zombie") and Quirk.ZOMBIES in quirks:
        yield "turn zombie"


def _moved(channel: Channel, what: str) -> tuple[Channel, Signals]:
    """Return the channel after a move of the phone or the manager, and the signals."""
    name = channel.name
    if what in REFUSALS:
        return _ended(channel, *REFUSALS[what])
    match what:
        case "ring":
            return replace(channel, phase="ringing", phone=True), (CallMembersChanged(name, RINGING),)
        case "early":
            return _answered(channel, "early"), _answer(name, (PCMU,))
        case "answer" if channel.phase == "early":
            return replace(channel, phase="talking"), ()
        case "answer" | "answer with strange codecs":
            codecs = (PCMU,) if what == "answer" else (G722,)
            return _answered(channel, "talking"), _answer(name, codecs)
        case "answer without a description":
            return replace(channel, phase="undescribed", phone=True), _accepted(name)
        case "describe":
            sending = SendingStateChanged(name, FlowState.PENDING_START)
            return _answered(channel, "talking"), (*_description(name, (PCMU,)), sending)
        case "hang up":
            return _ended(channel, *BYE)
        case "hold":
            held, signals = _sends(replace(channel, held=True), FlowState.PENDING_STOP)
            return held, (*signals, CallMembersChanged(name, HELD))
        case "resume":
            resumed, signals = replace(channel, held=False), ()
            if channel.hold in (UNHELD, PENDING_UNHOLD):
                resumed, signals = _sends(resumed, FlowState.PENDING_START)
            return resumed, (*signals, CallMembersChanged(name, 0))
        case "move":
            there = AWAY if channel.at == PHONE else PHONE
            return replace(channel, at=there), tuple(CandidatesReceived(name, (each,)) for each in phone_media(there))
        case "change codecs" | "change to strange codecs":
            changed = replace(channel, waiting=(*channel.waiting, what))
            return changed, () if channel.waiting else (DescriptionReceived(name, CHANGES[what]),)
        case "agree":
            return replace(channel, asking=False), ()
        case "agree with other codecs":
            agreed = replace(channel, asking=False, waiting=(*channel.waiting, "answer to a hold"))
            return agreed, () if channel.waiting else (DescriptionReceived(name, (PCMU,)),)
        case "turn zombie":
            return replace(channel, phase="zombie", phone=False), ()
        case "fail":
            return replace(channel, phase="failed", phone=channel.incoming), (CallFailed(name, "InvalidArgument"),)
    raise AssertionError(f"a channel has no move {what}")


def _answered(channel: Channel, phase: str) -> Channel:
    return replace(channel, phase=phase, phone=True, waiting=("answer",), sending=FlowState.PENDING_START)


def _answer(name: str, codecs: tuple[Codec, ...]) -> Signals:
    return (*_description(name, codecs), *_accepted(name), SendingStateChanged(name, FlowState.PENDING_START))


def _description(name: str, codecs: tuple[Codec, ...]) -> Signals:
    return (*(CandidatesReceived(name, (each,)) for each in phone_media()), DescriptionReceived(name, codecs))


def _accepted(name: str) -> Signals:
    return (
        CallStateChanged(name, CallState.ACCEPTED),
        CallStateChanged(name, CallState.ACTIVE, ChangeReason.PROGRESS_MADE),
    )


def _ended(channel: Channel, reason: int, message: str) -> tuple[Channel, Signals]:
    ended = replace(channel, phase="ended", phone=False, waiting=())
    return ended, (CallStateChanged(channel.name, CallState.ENDED, reason, "", message),)


def _told(channel: Channel, command: object) -> tuple[Channel, Signals]:
    """Return an existing call after a command, and the signals."""
    name = channel.name
    if channel.phase in ("ended", "zombie"):
        return channel, ()
    match command:
        case HangUp(_, reason, message):
            return _ended(channel, reason, message)
        case RingCall():
            return channel, (CallStateChanged(name, CallState.INITIALISED, ChangeReason.PROGRESS_MADE),)
        case AnswerCall(candidates=candidates):
            if channel.phase != "arriving":
                raise Broken("a call is answered once", channel)
            pending = FlowState.PENDING_START
            relayed = _relayed(candidates)
            return replace(channel, phase="accepting", sending=pending, receiving=pending, relayed=relayed), (
                CallStateChanged(name, CallState.ACCEPTED, ChangeReason.USER_REQUESTED),
                CallStateChanged(name, CallState.ACTIVE, ChangeReason.USER_REQUESTED),
                SendingStateChanged(name, pending),
                ReceivingStateChanged(name, pending),
            )
        case CompleteReceiving(_, state):
            return _receives(channel, state)
        case CompleteSending(_, state):
            if _SETTLED.get(channel.sending) != state:
                return channel, ()
            after, holds = _settled(replace(channel, sending=state))
            return after, (*holds, SendingStateChanged(name, state))
        case RequestHold() if channel.asking:
            return replace(channel, asking=False), (HoldPostponed(name),)
        case RequestHold(_, True) if channel.phase in ("early", "talking"):
            return _hold(channel)
        case RequestHold(_, False) if channel.phase in ("early", "talking"):
            return _unhold(channel)
        case RequestHold():
            raise Broken("only an established call is held", channel)
        case AcceptDescription():
            return _accepts(channel)
    raise AssertionError(f"{command} is not for a channel")


def _relayed(candidates: tuple[Candidate, ...]) -> bool:
    """Return True if the phone is told to send audio to the relay; it cannot reach a client that needs one."""
    told = {(each.component, each.ip) for each in candidates}
    if told not in ({(1, CLIENT), (2, CLIENT)}, {(1, RELAY), (2, RELAY)}) or any(each.type for each in candidates):
        raise Broken("a phone is told where a client that speaks plain RTP is, or the relay", candidates)
    return (1, RELAY) in told


def _receives(channel: Channel, state: int) -> tuple[Channel, Signals]:
    """The first completion sends the INVITE, or the 200; one that does not fit has no effect."""
    if _SETTLED.get(channel.receiving) != state:
        return channel, ()
    phase = {"placed": "inviting", "accepting": "talking"}.get(channel.phase, channel.phase)
    after, holds = _settled(replace(channel, phase=phase, receiving=state))
    return after, (*holds, ReceivingStateChanged(channel.name, state))


def _sends(channel: Channel, pending: FlowState) -> tuple[Channel, Signals]:
    """Sending is to begin or to stop, unless it has."""
    if channel.sending in (pending, _SETTLED[pending]):
        return channel, ()
    return replace(channel, sending=pending), (SendingStateChanged(channel.name, pending),)


def _hold(channel: Channel) -> tuple[Channel, Signals]:
    """Our hold: the re-INVITE leaves at once."""
    if channel.hold in (HOLDS, PENDING_HOLD):
        return channel, ()
    held = replace(channel, hold=PENDING_HOLD, asking=True, receiving=FlowState.PENDING_STOP)
    held, sending = _sends(held, FlowState.PENDING_STOP)
    return held, (
        HoldStateChanged(channel.name, PENDING_HOLD),
        ReceivingStateChanged(channel.name, FlowState.PENDING_STOP),
        *sending,
    )


def _unhold(channel: Channel) -> tuple[Channel, Signals]:
    """The end of our hold: the re-INVITE leaves when both directions have begun, so not while the far end holds."""
    if channel.hold in (UNHELD, PENDING_UNHOLD):
        return channel, ()
    freed = replace(channel, hold=PENDING_UNHOLD, receiving=FlowState.PENDING_START)
    freed, sending = (freed, ()) if channel.held else _sends(freed, FlowState.PENDING_START)
    return freed, (
        HoldStateChanged(channel.name, PENDING_UNHOLD),
        ReceivingStateChanged(channel.name, FlowState.PENDING_START),
        *sending,
    )


def _settled(channel: Channel) -> tuple[Channel, Signals]:
    """Return the change of our hold that follows from the change of a direction."""
    match channel.hold, channel.sending, channel.receiving:
        case (2, FlowState.STOPPED, FlowState.STOPPED):
            return replace(channel, hold=HOLDS), (HoldStateChanged(channel.name, HOLDS),)
        case (3, FlowState.STARTED, FlowState.STARTED):
            return replace(channel, hold=UNHELD, asking=True), (HoldStateChanged(channel.name, UNHELD),)
        case _:
            return channel, ()


def _accepts(channel: Channel) -> tuple[Channel, Signals]:
    """A later description of a call in is accepted; the answer to a call that we placed is left waiting."""
    if not channel.incoming:
        raise Broken("the answer to a call that we placed is left waiting", channel)
    if not channel.waiting:
        raise Broken("only what waits is accepted", channel)
    after = replace(channel, waiting=channel.waiting[1:])
    if not after.waiting:
        return after, ()
    return after, (DescriptionReceived(channel.name, CHANGES.get(after.waiting[0], (PCMU,))),)
