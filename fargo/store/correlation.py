"""Find out which call each event and command of an older log belongs to. Logs of rules before version 2 do not say so.

Rules:

1. Only names are compared: of Jingle sessions, SIP channels, relay sessions, and the ids of commands. Nothing is
   folded.
2. An entry that says its calls (rules 2 or later) passes as it is.
3. A call that a client proposed first was named after its session-initiate. It gets today's id, the version of the
   proposal's event, wherever its id stands.
4. What comes when the call is over belongs to none, as far as the names tell: a channel that was closed, a session that
   is unknown, what a client says about a call whose end is recorded.
5. A command that names nothing belongs to the call of its event, or else to that of the command before it: commands of
   several calls are in one order, call by call.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.model.call1 import (
    Call1Command,
    CallArrived,
    ChannelClosed,
    ChannelEvent,
    CloseChannel,
    PlaceCall,
)
from fargo.statemachine.model.call_records import CallRecord, RecordBegun, RecordEnded
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    Command,
    Fault,
    InformSession,
    InformTransport,
    InitiateSession,
    Issued,
    MessageCall,
    ProposeCall,
    RefuseIq,
    RejectContents,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import Event, IqEvent, Recorded, RegistrationCancelled, Restarted
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    SessionEvent,
    SessionInitiated,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayDigit,
    RelayDescribed,
    RelayDone,
    RelayRefused,
)
from fargo.store.entries import Entry

_FIRST_RULES: Final = 2
"""The first version of the rules whose logs say calls themselves."""

_Session: TypeAlias = (
    InitiateSession
    | AcceptSession
    | InformSession
    | InformTransport
    | RejectContents
    | TerminateSession
    | ProposeCall
    | MessageCall
)
_Relay: TypeAlias = OfferRelay | AnswerRelay | PlayDigit | DeleteRelay


def correlated(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries of a log, in their order, with the calls that they belong to. All entries of a user are needed,
    from the first on.
    """
    users: dict[str, _CallsOfUser] = {}
    for recorded, issued in entries:
        if recorded.rules >= _FIRST_RULES:
            yield recorded, issued
            continue
        calls = users.get(recorded.user)
        if calls is None:
            calls = users[recorded.user] = _CallsOfUser()
        yield calls.correlated(recorded, issued)


class _CallsOfUser:
    """The names that belong to the calls of one user."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        """Of calls that were proposed: today's id, by the recorded one."""
        self._ended: set[str] = set()
        self._proposals: dict[tuple[str, str], str] = {}
        """By session id and client."""
        self._called: dict[tuple[str, str], str] = {}
        """Sessions that a client began: by session id and client."""
        self._invited: dict[str, str] = {}
        """Sessions that we began, with any client: by session id."""
        self._channels: dict[str, str] = {}
        self._relayed: dict[str, str] = {}
        self._commands: dict[str, str] = {}

    def correlated(self, recorded: Recorded, issued: tuple[Issued, ...]) -> Entry:
        event = recorded.event
        call = self._call_of_event(recorded, issued)
        found: list[Issued] = []
        before = call
        for each in issued:
            before = self._call_of_command(each, call, before)
            found.append(replace(each, command=self._brought_up(each.command, event, issued), call=before))
        self._learn(event, found)
        return replace(recorded, call=call), tuple(found)

    # --- events

    def _call_of_event(self, recorded: Recorded, issued: tuple[Issued, ...]) -> str | None:
        """Return the call of an event. If the event begins a call, what it names belongs to that call from now on."""
        for each in issued:
            match each.command:
                case RecordBegun() as begun:
                    return self._begins(recorded.event, begun)
                case Fault(call):
                    return self._ids.get(call, call) if call else None
                case _:
                    pass
        return self._call_named_by(recorded, issued)

    def _begins(self, event: Event, begun: RecordBegun) -> str:
        call = begun.call
        match event:
            case SessionInitiated(iq, sid):
                call = self._ids[begun.call] = self._proposals.pop((sid, iq.sender), begun.call)
                self._called[sid, iq.sender] = call
            case CallArrived(channel):
                self._channels[channel] = call
                if begun.session is not None:
                    self._invited[begun.session] = call
            case _:
                pass
        return call

    def _call_named_by(self, recorded: Recorded, issued: tuple[Issued, ...]) -> str | None:
        event = recorded.event
        match event:
            case CallProposed(sender, _, sid):
                own = str(recorded.version)
                if _says(issued, sid, CallAction.PROCEED):
                    self._proposals[sid, sender] = own
                return self._proposals.get((sid, sender), own)
            case SessionInitiated(iq, sid):
                if _refused_as(issued, "out-of-order"):
                    return self._call_of_session(sid, iq.sender)
                return self._proposals.pop((sid, iq.sender), str(recorded.version))
            case SessionEvent(iq, sid):
                return None if _refused_as(issued, "unknown-session") else self._call_of_session(sid, iq.sender)
            case CallMessaged(sender, _, sid):
                call = self._proposals.get((sid, sender)) or self._call_of_session(sid, sender)
                return None if call in self._ended and not issued else call
            case IqEvent(command) | RelayDescribed(command) | RelayDone(command) | RelayRefused(command):
                return self._commands.get(command)
            case CallArrived(channel) | ChannelEvent(channel):
                return self._channels.get(channel)
            case _:
                return None

    def _call_of_session(self, sid: str, client: str) -> str | None:
        return self._called.get((sid, client)) or self._invited.get(sid)

    # --- commands

    def _call_of_command(self, issued: Issued, of_event: str | None, before: str | None) -> str | None:
        """Return the call of a command; ``before`` is that of the command before it."""
        command = issued.command
        match command:
            case AcceptIq() | RefuseIq() | MessageCall(action=CallAction.REJECT):
                return of_event
            case SendText():
                return before
            case Fault(call):
                return self._ids.get(call, call) if call else None
            case PlaceCall():
                return of_event or before
            case _ if isinstance(command, CallRecord):
                return self._ids.get(command.call, command.call)
            case _ if isinstance(command, _Session):
                return self._call_of_proposal(command) or self._call_of_session(command.sid, command.to) or of_event
            case _ if isinstance(command, Call1Command):
                return self._channels.get(command.channel) or of_event or before
            case _ if isinstance(command, _Relay):
                return self._relayed.get(command.session) or of_event or self._call_of_invitation(command.session)
            case _:
                return None

    def _call_of_proposal(self, command: _Session) -> str | None:
        return self._proposals.get((command.sid, command.to)) if isinstance(command, MessageCall) else None

    def _call_of_invitation(self, relay_session: str) -> str | None:
        """Return the call of a relay session for clients that are invited: its name begins with their session's."""
        return self._invited.get(relay_session.rsplit("-", 2)[0])

    def _brought_up(self, command: Command, event: Event, issued: tuple[Issued, ...]) -> Command:
        """Return a command with today's id of the call in it, and with the channel that a call begins on."""
        if isinstance(command, RecordBegun):
            return replace(command, call=self._ids.get(command.call, command.call), channel=_channel(event, issued))
        if isinstance(command, CallRecord | Fault) and command.call in self._ids:
            return replace(command, call=self._ids[command.call])
        return command

    # --- names

    def _learn(self, event: Event, issued: Iterable[Issued]) -> None:
        """Remember the names in an event and its commands, and forget those that mean nothing any more."""
        match event:
            case ChannelClosed(channel):
                self._channels.pop(channel, None)
            case CallMessaged(sender, _, sid, CallAction.RETRACT | CallAction.FINISH):
                self._proposals.pop((sid, sender), None)
            case Restarted() | RegistrationCancelled():
                self._proposals.clear()
            case _:
                pass
        for each in issued:
            command, call = each.command, each.call
            if call is None:
                continue
            self._commands[each.id] = call
            match command:
                case PlaceCall():
                    self._channels[each.id] = call
                case CloseChannel(channel):
                    self._channels.pop(channel, None)
                case MessageCall(to=client, sid=sid, action=CallAction.FINISH):
                    self._proposals.pop((sid, client), None)
                case RecordEnded():
                    self._ended.add(call)
                case OfferRelay(session):
                    self._relayed[session] = call
                case _:
                    pass


def _channel(event: Event, issued: tuple[Issued, ...]) -> str | None:
    """Return the SIP channel of the call that begins with an event and its commands."""
    if isinstance(event, CallArrived):
        return event.channel
    return next((each.id for each in issued if isinstance(each.command, PlaceCall)), None)


def _says(issued: tuple[Issued, ...], sid: str, action: CallAction) -> bool:
    """Return True if a client was told this about a call that it proposed."""
    messages = [each.command for each in issued if isinstance(each.command, MessageCall)]
    return any(message.sid == sid and message.action is action for message in messages)


def _refused_as(issued: tuple[Issued, ...], jingle: str) -> bool:
    """Return True if a Jingle action was refused with this error (XEP-0166 §10)."""
    return any(isinstance(each.command, RefuseIq) and each.command.jingle == jingle for each in issued)
