"""Calls on the bus. Each is a Call1 channel: commands become method calls, signals become events.

1. A channel is identified by its user and its name: the id of its `PlaceCall`, or `<connection>/<n>` for the nth
   incoming call of a connection. A D-Bus path may be used again after its channel is closed, a name is not.
2. Commands for a channel that has no path yet wait for the path.
3. An incoming channel is announced with `CallArrived` when all its properties have been read. Signals that arrive
   earlier are not passed on, because the properties include their values.
4. A call that comes over both registrations of a connection is announced once. The other channel is closed, which tells
   a proxy that has forked it that this branch has ended.
5. For a channel that no longer exists, HangUp and CloseChannel are answered with `ChannelClosed`. Any other command for
   it has no effect.
6. rakia aborts if local candidates are finished twice: the media of a channel is described once. It may abort if a
   description is rejected, because the phone can end or change the call at that moment: none is ever rejected.
7. rakia aborts if it makes a re-INVITE while it has not handled one of the phone. So the edge is asked before each
   RequestHold (`turns`), and `HoldPostponed` is put if it is not rakia's turn. What names a call to the edge is in the
   URI of the phone: we put it there for a call out, the edge for a call in.
8. Completing a flow state that is no longer pending fails. The error is ignored, because a newer state has been
   signalled.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, assert_never

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.put import PutEvent
from fargo.adapters.telepathy import texts, translate
from fargo.adapters.telepathy.accounts import Accounts
from fargo.adapters.telepathy.bus import BusError, Signal, all_of
from fargo.adapters.telepathy.host import Host
from fargo.adapters.telepathy.registrations import HostRegistration
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
from fargo.adapters.telepathy.turns import Turns
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
    HoldPostponed,
    HoldStateChanged,
    PlaceCall,
    RejectDescription,
    RequestHold,
    RingCall,
)

_PROPERTIES = "org.freedesktop.DBus.Properties"
_UNHELD, _HELD = 0, 1  # Local_Hold_State
_NAME_BYTES = 8
_DEPTH = 9  # components of a channel's path, including the empty one before the first slash


@dataclass(eq=False)
class Channel:
    """A call on the bus, from the command or signal that begins it until it is closed."""

    user: str
    name: str
    registration: HostRegistration
    path: str = ""
    contact: int = 0
    """The handle of the remote party."""
    call: str = field(default_factory=lambda: token_hex(_NAME_BYTES))
    """The name of the call between us and the edge."""
    caller: str | None = None
    """The URI of the remote party of an incoming call."""
    offer: str = ""
    """The path of the pending media description, "" if none is pending."""
    described: bool = False
    ended: bool = False
    announced: bool = True
    waiting: list[Call1Command] = field(default_factory=list)

    @property
    def host(self) -> Host:
        assert self.registration.host, "a registration with a channel has a host"
        return self.registration.host

    @property
    def content(self) -> str:
        return f"{self.path}/Content1"

    @property
    def stream(self) -> str:
        return f"{self.content}/Stream"


class Calls:
    """All channels."""

    def __init__(self, put: PutEvent, accounts: Accounts, turns: Turns, reactor: Any) -> None:
        self._put = put
        self._accounts = accounts
        self._turns = turns
        self._reactor = reactor
        self._named: dict[tuple[str, str], Channel] = {}
        self._at: dict[tuple[Host, str], Channel] = {}
        self._log = Logger()

    def do(self, user: str, id_: str, command: Call1Command) -> None:
        """Carry out a command."""
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

    def heard(self, host: Host, signal: Signal) -> None:
        """Handle a signal of a channel or of an object below it."""
        channel = self._at.get((host, "/".join(signal.path.split("/")[:_DEPTH])))
        if not channel:
            return
        if signal.member == "Closed":
            self._forget(channel)
        elif signal.member == "NewMediaDescriptionOffer":
            channel.offer = str(signal.arguments[0])
        event = translate.call_event(channel.name, channel.contact, signal)
        if isinstance(event, CallStateChanged) and event.state == CallState.ENDED:
            channel.ended = True
        if channel.announced and event:
            self._put(channel.user, event)

    def arrived(self, host: Host, signal: Signal) -> None:
        """Handle the signal Connection.Interface.Requests.NewChannels."""
        registration = self._accounts.at(host, signal.path)
        for path, properties in signal.arguments[0]:
            if registration and translate.is_incoming_call(properties):
                contact, caller = translate.target(properties)
                if self._is_known(registration, caller):
                    host.tell(str(path), CHANNEL, "Close")
                else:
                    self._arrived(registration, str(path), contact, caller)

    def drop(self, registration: HostRegistration, connection_lives: bool) -> None:
        """Forget the channels of a registration that has ended. Put `ChannelClosed` if their connection goes on."""
        for channel in [each for each in self._named.values() if each.registration is registration]:
            self._forget(channel)
            if connection_lives and channel.announced:
                self._put(channel.user, ChannelClosed(channel.name))

    # --- outgoing

    def _place(self, user: str, id_: str, command: PlaceCall) -> None:
        connection = self._accounts.named(user, command.connection)
        registration = connection.registration if connection else None
        if not registration:
            self._put(user, CallFailed(id_, f"{ERROR}.Disconnected", texts.NOT_SIGNED_IN))
            return
        channel = self._begin(user, id_, registration)
        self._run(channel, self._create(channel, command))

    async def _create(self, channel: Channel, command: PlaceCall) -> None:
        if not translate.is_target(command.target):
            raise BusError(f"{ERROR}.InvalidHandle", texts.NO_SIP_URI)
        request = translate.call_request(command.target, channel.call)
        on = channel.registration.path
        assert on, "it is registered"
        path, properties = await channel.host.call(on, REQUESTS, "CreateChannel", "a{sv}", request)
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

    def _arrived(self, registration: HostRegistration, path: str, contact: int, caller: str) -> None:
        connection = registration.connection
        connection.calls += 1
        channel = self._begin(connection.user, f"{connection.name}/{connection.calls}", registration)
        channel.announced, channel.caller, channel.call = False, caller, translate.call_name(caller)
        self._enter(channel, path, contact)
        Deferred.fromCoroutine(self._announce(channel, caller)).addErrback(self._unexpected, channel)

    def _is_known(self, registration: HostRegistration, caller: str) -> bool:
        """Return True if the call has come over the connection's other registration, too (RFC 3261 §8.2.2.2)."""
        return translate.has_call_id(caller) and any(
            each.caller == caller and each.registration in registration.connection.registrations
            for each in self._named.values()
            if each.registration is not registration
        )

    async def _announce(self, channel: Channel, caller: str) -> None:
        try:
            offer, addresses, state = await all_of(
                _get(channel.host, channel.content, CONTENT, "MediaDescriptionOffer"),
                _get(channel.host, f"{channel.stream}/Endpoint1", ENDPOINT, "RemoteCandidates"),
                _get(channel.host, channel.path, CALL, "CallState"),
            )
        except BusError as gone:
            self._log.info(texts.CALL_UNREADABLE, user=channel.user, why=gone)
            if self._is_open(channel):
                self._forget(channel)
                channel.host.tell(channel.path, CHANNEL, "Close")
            return
        if self._is_open(channel):
            channel.offer, channel.announced = str(offer[0]), True
            arrived = CallArrived(
                channel.name,
                channel.registration.connection.name,
                caller,
                translate.offered(offer[1]),
                translate.candidates(addresses),
                int(state),
            )
            self._put(channel.user, arrived)

    # --- either way

    def _tell(self, channel: Channel, command: Call1Command) -> None:
        """Carry out a command for a channel that has a path."""
        tell = channel.host.tell
        match command:
            case RingCall():
                tell(channel.path, CALL, "SetRinging")
            case AnswerCall(_, codecs, candidates):
                self._run(channel, self._describe(channel, codecs, candidates))
            case AcceptDescription(_, codecs):
                self._run(channel, self._accept_description(channel, codecs))
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
                raise AssertionError("PlaceCall is for a channel without a path")
            case RejectDescription():
                raise AssertionError("only older logs have RejectDescription")
            case _:
                assert_never(command)

    async def _describe(self, channel: Channel, codecs: tuple[Codec, ...], candidates: tuple[Candidate, ...]) -> None:
        """Describe our media to rakia and accept the call."""
        if channel.described:
            raise BusError(f"{ERROR}.NotAvailable", texts.ALREADY_DESCRIBED)
        channel.described = True
        addresses = translate.candidate_structs(candidates)
        await all_of(
            self._accept_offer(channel, codecs),
            channel.host.call(channel.stream, STREAM, "AddCandidates", "a(usua{sv})", addresses),
            channel.host.call(channel.stream, STREAM, "FinishInitialCandidates", ""),
            channel.host.call(channel.path, CALL, "Accept", ""),
        )

    async def _accept_description(self, channel: Channel, codecs: tuple[Codec, ...]) -> None:
        if channel.offer:
            await self._accept_offer(channel, codecs)

    def _accept_offer(self, channel: Channel, codecs: tuple[Codec, ...]) -> Deferred[list[Any]]:
        offer, channel.offer = channel.offer, ""
        written = translate.codec_structs(codecs)
        for what in written.omitted:
            self._log.warn(texts.CODEC_OMITTED, name=channel.name, user=channel.user, what=what)
        accepted = translate.description(written.structs, channel.contact)
        return channel.host.call(offer, DESCRIPTION, "Accept", "a{sv}", accepted)

    async def _request_hold(self, channel: Channel, hold: bool) -> None:
        """Request hold or unhold in rakia's turn (rule 7). If it fails, the call goes on: put its hold state."""
        if not await self._turns.ask(channel.call):
            if self._is_open(channel):
                self._put(channel.user, HoldPostponed(channel.name))
            return
        if not self._is_open(channel) or channel.ended:
            return
        try:
            await channel.host.call(channel.path, HOLD, "RequestHold", "b", hold)
        except BusError as refused:
            if self._is_open(channel):
                self._log.warn(texts.HOLD_REFUSED, name=channel.name, why=refused)
                self._put(channel.user, HoldStateChanged(channel.name, _UNHELD if hold else _HELD))

    def _run(self, channel: Channel, steps: Coroutine[Any, Any, None]) -> None:
        def failed(failure: Failure) -> None:
            failure.trap(BusError)
            self._fail(channel, failure.value)

        Deferred.fromCoroutine(steps).addErrback(failed).addErrback(self._unexpected, channel)

    def _fail(self, channel: Channel, refused: Any) -> None:
        """Put `CallFailed`. A channel without a path is forgotten, because there is nothing to close."""
        if self._is_open(channel):
            self._put(channel.user, CallFailed(channel.name, refused.name, refused.message))
            if not channel.path:
                self._forget(channel)
                self._do_waiting(channel)

    def _begin(self, user: str, name: str, registration: HostRegistration) -> Channel:
        channel = self._named[user, name] = Channel(user, name, registration)
        registration.channels += 1
        return channel

    def _enter(self, channel: Channel, path: str, contact: int) -> None:
        channel.path, channel.contact = path, contact
        self._at[channel.host, path] = channel

    def _forget(self, channel: Channel) -> None:
        del self._named[channel.user, channel.name]
        self._at.pop((channel.host, channel.path), None)
        channel.registration.channels -= 1
        channel.registration.quiet_since = self._reactor.seconds()

    def _is_open(self, channel: Channel) -> bool:
        return self._named.get((channel.user, channel.name)) is channel

    def _unexpected(self, failure: Failure, channel: Channel) -> None:
        self._log.failure(texts.CALL_BUG, failure=failure, name=channel.name, user=channel.user)
        self._fail(channel, BusError(f"{ERROR}.Confused", texts.CALL_FAILED))


def _get(host: Host, path: str, interface: str, name: str) -> Deferred[Any]:
    return host.call(path, _PROPERTIES, "Get", "ss", interface, name).addCallback(lambda values: values[0])
