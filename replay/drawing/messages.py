"""The messages of a call as a sequence diagram has them: between client, gateway, SIP side and relay, in their order.

Rules:

1. Every entry of the call is there with its event, and with those of its commands that belong to the call.
2. A message goes from one participant to another. Where nothing passed (time, a record, a bug) both are the gateway.
3. The labels have the protocols' own words, and some are the other end's: hostile text.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle.jmi import is_proceed
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import (
    Fault,
    Forget,
    ForgetSecret,
    ForgetText,
    Issued,
    SipCommand,
    TextCommand,
    VaultCommand,
    XmppCommand,
)
from fargo.statemachine.model.events import (
    Announced,
    ClockJumped,
    DrainChanged,
    Event,
    GatewayEvent,
    PolicyChanged,
    RequestsRefused,
    Restarted,
    RoomChanged,
    SipEvent,
    Snapshot,
    Stopping,
    StreamOpened,
    TimePassed,
    UserRemoved,
    XmppEvent,
)
from fargo.statemachine.model.ng import RelayCommand, RelayEvent
from fargo.statemachine.model.sip_messages import (
    DialogEvent,
    SendRequest,
    SendResponse,
    UserAgentCommand,
    UserAgentEvent,
)
from fargo.statemachine.pending import PendingCommands
from fargo.statemachine.user_state import User
from replay.drawing import record_label, refused_addresses, relay, telepathy, texts, user_agent, xmpp
from replay.drawing.label import Label, failed, quiet
from replay.reading.steps import ReplayStep

PROPOSED: Final = "proposed"
OVER: Final = "over"
"""The phases of a call that has no legs yet, or no longer."""


class Participant(StrEnum):
    """A participant of the sequence diagram, from left to right."""

    CLIENT = "XMPP client"
    GATEWAY = "gateway"
    SIP = "SIP"
    RELAY = "relay"


class Message(NamedTuple):
    """A message from one participant to another. ``command`` is the id of the command that led to it, None if it is the
    event; ``client`` the JID of the client that sent or received it, None if no client did.
    """

    source: Participant
    target: Participant
    label: Label
    command: str | None = None
    client: str | None = None


def messages(step: ReplayStep, call: str) -> Iterator[Message]:
    """Yield the message that was received in a step, and those of this call that were sent because of it."""
    known, second = step.before.calls.get(call), _second_leg(step, call)
    event = step.recorded.event
    yield _marked(_received(event, known, step.before.pending), second, event)
    for each in step.issued:
        if each.call == call:
            yield _marked(_sent(each, known, step.recorded.user), second, each)


def _second_leg(step: ReplayStep, id: str) -> str | None:
    """Return the name of the SIP leg to the number that a call is forwarded or transferred to; None if it is not."""
    for user in (step.after, step.before):
        call = user.calls.get(id)
        if call and call.handover is not None and call.handover.leg.name:
            return call.handover.leg.name
        if call and call.forwarded is not None and call.forwarded.name:
            return call.forwarded.name
        if call and (new := _new_phone(call)):
            return new
    return None


def _new_phone(call: Call) -> str | None:
    """Return the name of the SIP leg of a phone that is to have, or has, the place of another that is still there."""
    if call.transfer is not None:
        return call.transfer.leg.name
    return call.sip.name if call.transfers and call.left else None


def _marked(message: Message, second: str | None, of: Event | Issued) -> Message:
    """Return a message as one of the second SIP leg, if it is of that leg."""
    if second is None or second not in _dialogs(of):
        return message
    text = texts.OF_SECOND_LEG.format(label=message.label.text)
    return message._replace(label=message.label._replace(text=text))


def _dialogs(of: Event | Issued) -> tuple[str | None, ...]:
    """Return the names by which a SIP message may name its dialog: the first INVITE gives it its own."""
    match of:
        case DialogEvent(leg=name):
            return (name,)
        case Issued(id=id, command=SendRequest(dialog=name)):
            return (id, name)
        case Issued(command=SendResponse(dialog=name)):
            return (name,)
        case _:
            return ()


def phases(user: User, id: str) -> list[str]:
    """Return the phases of a call's legs, and of its sessions at the relay. A call without legs is proposed or over.
    If a call is forwarded, its second SIP leg is in the place of the XMPP leg.
    """
    call = user.calls.get(id)
    if call is None:
        return [PROPOSED if is_proposed(user, id) else OVER]
    relayed = sorted({type(session).__name__ for session in call.relay})
    first = call.jingle if call.forwarded is None else call.forwarded
    others = [type(call.handover.leg).__name__] if call.handover else []
    return [each.lower() for each in (type(first).__name__, type(call.sip).__name__, *others, *relayed)]


def is_proposed(user: User, id: str) -> bool:
    """Return True if a client may still describe the call, which it has proposed (XEP-0353)."""
    return any(each.call == id and is_proceed(each.command) for each in user.pending.values())


def _received(event: Event, call: Call | None, pending: PendingCommands) -> Message:
    """Return what an event was; the call and the pending commands are as they stood before the event."""
    if isinstance(event, XmppEvent):
        label, client = refused_addresses.added(xmpp.received(event), event), xmpp.client(event)
        return Message(Participant.CLIENT, Participant.GATEWAY, label, client=client)
    if isinstance(event, SipEvent):
        label = refused_addresses.added(_of_sip(event, call, pending), event)
        return Message(Participant.SIP, Participant.GATEWAY, label)
    if isinstance(event, RelayEvent):
        return Message(Participant.RELAY, Participant.GATEWAY, relay.received(event))
    return Message(Participant.GATEWAY, Participant.GATEWAY, _of_gateway(event))


def _sent(issued: Issued, call: Call | None, user: str) -> Message:
    """Return what was sent because of a command; the call is as it stood before the event."""
    command = issued.command
    if isinstance(command, XmppCommand):
        label, client = xmpp.sent(command), xmpp.client(command)
        return Message(Participant.GATEWAY, Participant.CLIENT, label, issued.id, client)
    if isinstance(command, SipCommand):
        return Message(Participant.GATEWAY, Participant.SIP, _to_sip(command, call), issued.id)
    if isinstance(command, RelayCommand):
        return Message(Participant.GATEWAY, Participant.RELAY, relay.sent(command), issued.id)
    return Message(Participant.GATEWAY, Participant.GATEWAY, _of_command(command, user), issued.id)


def _of_sip(event: SipEvent, call: Call | None, pending: PendingCommands) -> Label:
    if isinstance(event, UserAgentEvent):
        return user_agent.received(event, pending)
    return telepathy.received(event, call.sip if call else None)


def _to_sip(command: SipCommand, call: Call | None) -> Label:
    if isinstance(command, UserAgentCommand):
        return user_agent.sent(command)
    return telepathy.sent(command, call.sip if call else None)


def _of_gateway(event: GatewayEvent) -> Label:
    match event:
        case Restarted():
            return failed(texts.RESTARTED)
        case Stopping():
            return Label(texts.STOPPING)
        case StreamOpened():
            return Label(texts.STREAM_OPENED)
        case PolicyChanged(policy=policy):
            told = (texts.POLICY_WITH_RELAY if policy.relay else texts.POLICY).format(path=policy.path)
            return Label(texts.AT_EDGE.format(policy=told, edge=policy.edge) if policy.edge else told)
        case ClockJumped(seconds=seconds):
            return Label(texts.CLOCK_JUMPED.format(seconds=seconds))
        case RoomChanged(none=none):
            return Label(texts.NO_ROOM if none else texts.ROOM)
        case DrainChanged(on=on):
            return Label(texts.DRAINING if on else texts.NOT_DRAINING)
        case RequestsRefused(counts=counts):
            return Label(texts.REFUSED.format(count=sum(counts.values())))
        case Announced(text=text):
            return Label(texts.ANNOUNCED.format(text=text))
        case UserRemoved():
            return Label(texts.USER_REMOVED)
        case TimePassed():
            return Label(texts.TIME_PASSED)
        case Snapshot():
            return Label(texts.SNAPSHOT)
        case _:
            assert_never(event)


def _of_command(command: VaultCommand | TextCommand | Forget | Fault | LogRecord, user: str) -> Label:
    match command:
        case Fault(error=error):
            return failed(texts.BUG.format(error=error))
        case ForgetSecret():
            return Label(texts.PASSWORD_ERASED)
        case ForgetText():
            return quiet(texts.TEXT_FORGOTTEN)
        case Forget():
            return Label(texts.USER_ERASED)
        case _:
            return record_label.of(command, user)
