"""Calls on the bus: each is a Call1 channel; commands become method calls, signals become events.

1. A channel is known by its user and its name: the id of the `PlaceCall` that asked for it, or `<connection>/<n>` for
   the nth call that came in on a connection. Its D-Bus path may come again after it is closed, its name does not.
2. What is commanded of a channel that has no path yet waits for the path.
3. An incoming channel is announced (`CallArrived`) when all that is to be told about it has been read; what is
   signalled before the last answer is in the answers.
4. A channel that is not there any more is closed: hanging it up or closing it is answered by `ChannelClosed`, any
   other command for it is without effect.
5. rakia aborts if local candidates are finished twice: a channel's media is described once. It aborts if a
   description is rejected after the call ended: an ended channel takes HangUp and CloseChannel only. It aborts if a
   description is rejected that was waiting when we asked for a hold or its end: it can only be accepted from then on.
6. Completing a flow state that is not pending any more is refused and means nothing: another state has been signalled.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, assert_never

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.telepathy import translate
from fargo.adapters.telepathy.accounts import Accounts, Connection, Put
from fargo.adapters.telepathy.bus import BusError, Signal, all_of
from fargo.adapters.telepathy.host import Host
from fargo.adapters.telepathy.keeper import Keeper
from fargo.adapters.telepathy.translate import (
    CALL,
    CHANNEL,
    CONTENT,
    DESCRIPTION,
    ENDPOINT,
    ERROR,
    HOLD,
    REQUESTS,
    STREAM,
)
from fargo.statemachine.media.description import Candidate, Codec
from fargo.statemachine.model.call1 import (
    AcceptDescription,
    AnswerCall,
    Call1Command,
    CallArrived,
    CallFailed,
    CallState,
    CallStateChanged,
    ChannelClosed,
    CloseChannel,
    CompleteReceiving,
    CompleteSending,
    HangUp,
    HoldStateChanged,
    PlaceCall,
    RejectDescription,
    RequestHold,
    RingCall,
)

_PROPERTIES = "org.freedesktop.DBus.Properties"
_UNHELD, _HELD = 0, 1  # Local_Hold_State
_DEPTH = 9  # parts of a channel's path, the empty one before the first slash included


@dataclass(eq=False)
class Channel:
    """A call on the bus, from the command or signal that began it until it is closed."""

    user: str
    name: str
    connection: Connection
    path: str = ""
    contact: int = 0
    """The far end's handle."""
    offer: str = ""
    """The path of the media description that waits for us, "" if none does."""
    rejectable: bool = False
    """Whether no hold of ours has begun or ended since it came."""
    described: bool = False
    ended: bool = False
    announced: bool = True
    waiting: list[Call1Command] = field(default_factory=list)

    @property
    def content(self) -> str:
        return f"{self.path}/Content1"

    @property
    def stream(self) -> str:
        return f"{self.content}/Stream"


class Calls:
    """All channels."""

    def __init__(self, put: Put, accounts: Accounts, keeper: Keeper) -> None:
        self._put = put
        self._accounts = accounts
        self._keeper = keeper
        self._named: dict[tuple[str, str], Channel] = {}
        self._at: dict[str, Channel] = {}
        self._log = Logger()

    def do(self, user: str, id_: str, command: Call1Command) -> None:
        """Carry a command out."""
        if isinstance(command, PlaceCall):
            self._place(user, id_, command)
            return
        channel = self._named.get((user, command.channel))
        if channel and channel.ended and not isinstance(command, HangUp | CloseChannel):
            return
        if channel and channel.path:
            self._tell(channel, command)
        elif channel:
            channel.waiting.append(command)
        elif isinstance(command, HangUp | CloseChannel):
            self._put(user, ChannelClosed(command.channel))

    def heard(self, signal: Signal) -> None:
        """A signal of a channel or of an object below one."""
        channel = self._at.get("/".join(signal.path.split("/")[:_DEPTH]))
        if not channel:
            return
        if signal.member == "Closed":
            self._forget(channel)
        elif signal.member == "NewMediaDescriptionOffer":
            channel.offer, channel.rejectable = str(signal.arguments[0]), True
        event = translate.call_event(channel.name, channel.contact, signal)
        if isinstance(event, CallStateChanged) and event.state == CallState.ENDED:
            channel.ended = True
        if channel.announced and event:
            self._put(channel.user, event)

    def arrived(self, signal: Signal) -> None:
        """Connection.Interface.Requests.NewChannels."""
        connection = self._accounts.at(signal.path)
        for path, properties in signal.arguments[0]:
            if connection and translate.is_incoming_call(properties):
                connection.calls += 1
                contact, caller = translate.target(properties)
                channel = Channel(connection.user, f"{connection.name}/{connection.calls}", connection)
                channel.announced = False
                self._enter(channel, str(path), contact)
                Deferred.fromCoroutine(self._announce(channel, caller)).addErrback(self._unexpected, channel)

    def drop(self, connection: Connection) -> None:
        """Forget a connection's channels: it is gone, and they with it."""
        for channel in [each for each in self._named.values() if each.connection is connection]:
            self._forget(channel)

    # --- outgoing

    def _place(self, user: str, id_: str, command: PlaceCall) -> None:
        connection = self._accounts.named(user, command.connection)
        if not connection:
            self._put(user, CallFailed(id_, f"{ERROR}.Disconnected", "the SIP account is not signed in"))
            return
        channel = self._named[user, id_] = Channel(user, id_, connection)
        self._run(channel, self._create(channel, command))

    async def _create(self, channel: Channel, command: PlaceCall) -> None:
        if not translate.is_target(command.target):
            raise BusError(f"{ERROR}.InvalidHandle", "the call's target is not a SIP URI")
        request = translate.call_request(command.target)
        path, properties = await self._host.call(channel.connection.path, REQUESTS, "CreateChannel", "a{sv}", request)
        if not self._is_open(channel):
            return
        self._enter(channel, str(path), translate.target(properties)[0])
        channel.offer = f"{channel.content}/InitialOffer"
        if channel.waiting:
            self._do_waiting(channel)
        else:
            await self._describe(channel, command.codecs, command.candidates)

    def _do_waiting(self, channel: Channel) -> None:
        waiting, channel.waiting = channel.waiting, []
        for each in waiting:
            self.do(channel.user, "", each)

    # --- incoming

    async def _announce(self, channel: Channel, caller: str) -> None:
        try:
            offer, addresses, state = await all_of(
                self._get(channel.content, CONTENT, "MediaDescriptionOffer"),
                self._get(f"{channel.stream}/Endpoint1", ENDPOINT, "RemoteCandidates"),
                self._get(channel.path, CALL, "CallState"),
            )
        except BusError as gone:
            self._log.info("A call for {user} could not be read: {why}", user=channel.user, why=gone)
            if self._is_open(channel):
                self._forget(channel)
                self._host.tell(channel.path, CHANNEL, "Close")
            return
        if self._is_open(channel):
            channel.offer, channel.announced = str(offer[0]), True
            arrived = CallArrived(
                channel.name,
                channel.connection.name,
                caller,
                translate.offered(offer[1]),
                translate.candidates(addresses),
                int(state),
            )
            self._put(channel.user, arrived)

    def _get(self, path: str, interface: str, name: str) -> Deferred[Any]:
        return self._host.call(path, _PROPERTIES, "Get", "ss", interface, name).addCallback(lambda values: values[0])

    # --- either way

    def _tell(self, channel: Channel, command: Call1Command) -> None:
        """Carry out a command for a channel that has a path."""
        tell = self._host.tell
        match command:
            case RingCall():
                tell(channel.path, CALL, "SetRinging")
            case AnswerCall(_, codecs, candidates):
                self._run(channel, self._describe(channel, codecs, candidates))
            case AcceptDescription(_, codecs):
                self._run(channel, self._accept_description(channel, codecs))
            case RejectDescription():
                self._reject_description(channel)
            case CompleteReceiving(_, state):
                tell(channel.stream, STREAM, "CompleteReceivingStateChange", "u", state)
            case CompleteSending(_, state):
                tell(channel.stream, STREAM, "CompleteSendingStateChange", "u", state)
            case RequestHold(_, hold):
                self._run(channel, self._request_hold(channel, hold))
            case HangUp(_, reason, message):
                tell(channel.path, CALL, "Hangup", "uss", reason, "", message)
            case CloseChannel():
                tell(channel.path, CHANNEL, "Close")
            case PlaceCall():
                raise AssertionError("a call is placed before it has a path")
            case _:
                assert_never(command)

    async def _describe(self, channel: Channel, codecs: tuple[Codec, ...], candidates: tuple[Candidate, ...]) -> None:
        """The run of calls that tells rakia our media and accepts the call."""
        if channel.described:
            raise BusError(f"{ERROR}.NotAvailable", "the call's media is described already")
        channel.described = True
        addresses = translate.candidate_structs(candidates)
        await all_of(
            self._accept_offer(channel, codecs),
            self._host.call(channel.stream, STREAM, "AddCandidates", "a(usua{sv})", addresses),
            self._host.call(channel.stream, STREAM, "FinishInitialCandidates", ""),
            self._host.call(channel.path, CALL, "Accept", ""),
        )

    async def _accept_description(self, channel: Channel, codecs: tuple[Codec, ...]) -> None:
        if channel.offer:
            await self._accept_offer(channel, codecs)

    def _accept_offer(self, channel: Channel, codecs: tuple[Codec, ...]) -> Deferred[list[Any]]:
        offer, channel.offer = channel.offer, ""
        written = translate.codec_structs(codecs)
        for what in written.omitted:
            self._log.warn("Call {name} of {user} goes without {what}", name=channel.name, user=channel.user, what=what)
        accepted = translate.description(written.structs, channel.contact)
        return self._host.call(offer, DESCRIPTION, "Accept", "a{sv}", accepted)

    def _reject_description(self, channel: Channel) -> None:
        if channel.offer and channel.rejectable:
            self._host.tell(channel.offer, DESCRIPTION, "Reject", "(uuss)", translate.REJECTION)
            channel.offer = ""

    async def _request_hold(self, channel: Channel, hold: bool) -> None:
        """A refusal does not harm the call: what is said then is the state that it stays in."""
        channel.rejectable = False
        try:
            await self._host.call(channel.path, HOLD, "RequestHold", "b", hold)
        except BusError as refused:
            if self._is_open(channel):
                self._log.warn("Call {name} keeps its hold state: {why}", name=channel.name, why=refused)
                self._put(channel.user, HoldStateChanged(channel.name, _UNHELD if hold else _HELD))

    def _run(self, channel: Channel, steps: Coroutine[Any, Any, None]) -> None:
        def failed(failure: Failure) -> None:
            failure.trap(BusError)
            self._fail(channel, failure.value)

        Deferred.fromCoroutine(steps).addErrback(failed).addErrback(self._unexpected, channel)

    def _fail(self, channel: Channel, refused: Any) -> None:
        """Say that the call cannot go on. Without a path there is nothing to close."""
        if self._is_open(channel):
            self._put(channel.user, CallFailed(channel.name, refused.name, refused.message))
            if not channel.path:
                self._forget(channel)
                self._do_waiting(channel)

    def _enter(self, channel: Channel, path: str, contact: int) -> None:
        channel.path, channel.contact = path, contact
        self._named[channel.user, channel.name] = channel
        self._at[path] = channel

    def _forget(self, channel: Channel) -> None:
        del self._named[channel.user, channel.name]
        self._at.pop(channel.path, None)

    def _is_open(self, channel: Channel) -> bool:
        return self._named.get((channel.user, channel.name)) is channel

    def _unexpected(self, failure: Failure, channel: Channel) -> None:
        self._log.failure("Call {name} of {user} failed", failure=failure, name=channel.name, user=channel.user)
        self._fail(channel, BusError(f"{ERROR}.Confused", "the gateway could not carry this call on; its log says why"))

    @property
    def _host(self) -> Host:
        assert self._keeper.host, "a channel has a host"
        return self._keeper.host
