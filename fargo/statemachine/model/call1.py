"""Telepathy's Call1 in values: what its connection manager signals about calls, and what it is told to do.

Numbers and names are those of the Telepathy specification, `Channel.Type.Call1`, `Call1.Content`, `Call1.Stream`.
Only the Telepathy leg and the Telepathy adapter look inside. All other modules see opaque members of Event and Command.

Rules:

1. A connection is named by the id of the `SignIn` command that asked for it, an outgoing channel by the id of its
   `PlaceCall`. So both have a name before D-Bus gives them a path, and the name never comes again. An incoming
   channel is named ``<connection>/<n>``, the nth that came in there: object paths come again.
2. `PlaceCall` and `AnswerCall` stand for the fixed run of D-Bus calls that describes our media and accepts the call;
   which of them was refused is told by `CallFailed`.
"""

from enum import IntEnum
from typing import TypeAlias

from msgspec import Struct, field

from fargo.statemachine.media.description import Candidate, Codec
from fargo.statemachine.model.sip import SipCallArrived, SipCallEvent


class CallState(IntEnum):
    """Call_State of Channel.Type.Call1."""

    UNKNOWN = 0
    PENDING_INITIATOR = 1
    INITIALISING = 2
    INITIALISED = 3
    ACCEPTED = 4
    ACTIVE = 5
    ENDED = 6


class ChangeReason(IntEnum):
    """Call_State_Change_Reason of Channel.Type.Call1."""

    UNKNOWN = 0
    PROGRESS_MADE = 1
    USER_REQUESTED = 2
    FORWARDED = 3
    REJECTED = 4
    NO_ANSWER = 5
    INVALID_CONTACT = 6
    PERMISSION_DENIED = 7
    BUSY = 8
    INTERNAL_ERROR = 9
    SERVICE_ERROR = 10
    NETWORK_ERROR = 11
    MEDIA_ERROR = 12
    CONNECTIVITY_ERROR = 13


class FlowState(IntEnum):
    """Stream_Flow_State of Call1.Stream.Interface.Media."""

    STOPPED = 0
    PENDING_START = 1
    PENDING_STOP = 2
    STARTED = 3


RINGING = 1
"""Call_Member_Flags: the far end rings."""
HELD = 2
"""Call_Member_Flags: the far end has us on hold."""


class ChannelEvent(SipCallEvent, frozen=True):
    """A signal about a channel that is known."""

    leg: str = field(name="channel")


class _ChannelCommand(Struct, frozen=True, gc=False, omit_defaults=True):
    channel: str


class CallArrived(SipCallArrived, frozen=True, tag="CallArrived"):
    """A channel for an incoming INVITE, with all that was on the bus about it when it was seen."""

    channel: str
    connection: str
    caller: str
    """The From URI, with its parameters. Hostile text. The SIP edge writes fg-name, fg-to, fg-cid, fg-pai, fg-call."""
    codecs: tuple[Codec, ...]
    candidates: tuple[Candidate, ...]
    state: int


class CallStateChanged(ChannelEvent, frozen=True, tag="CallStateChanged"):
    """CallStateChanged; the message of an ended call is the SIP reason phrase, after the status code if the edge saw
    one.
    """

    state: int
    reason: int = 0
    error: str = ""
    message: str = ""


class CallMembersChanged(ChannelEvent, frozen=True, tag="CallMembersChanged"):
    """CallMembersChanged: the far end's flags."""

    flags: int


class CandidatesReceived(ChannelEvent, frozen=True, tag="CandidatesReceived"):
    """RemoteCandidatesAdded of the stream's endpoint: the addresses in the far end's SDP."""

    candidates: tuple[Candidate, ...]


class DescriptionReceived(ChannelEvent, frozen=True, tag="DescriptionReceived"):
    """NewMediaDescriptionOffer: the codecs in the far end's SDP, waiting to be accepted or rejected."""

    codecs: tuple[Codec, ...]


class SendingStateChanged(ChannelEvent, frozen=True, tag="SendingStateChanged"):
    """SendingStateChanged of the stream."""

    state: int


class ReceivingStateChanged(ChannelEvent, frozen=True, tag="ReceivingStateChanged"):
    """ReceivingStateChanged of the stream."""

    state: int


class HoldStateChanged(ChannelEvent, frozen=True, tag="HoldStateChanged"):
    """HoldStateChanged of Channel.Interface.Hold: 0 unheld, 1 held, 2 pending hold, 3 pending unhold."""

    state: int


class HoldPostponed(ChannelEvent, frozen=True, tag="HoldPostponed"):
    """RequestHold was not called: a re-INVITE of either end is under way in this call, or the SIP edge, which knows
    that, does not respond.
    """


class CallFailed(ChannelEvent, frozen=True, tag="CallFailed"):
    """A D-Bus call that this call cannot go on without was refused."""

    error: str
    message: str = ""


class ChannelClosed(ChannelEvent, frozen=True, tag="ChannelClosed"):
    """Channel.Closed: nothing of the call is left on the SIP side."""


class PlaceCall(Struct, frozen=True, gc=False, omit_defaults=True, tag="PlaceCall"):
    """CreateChannel, MediaDescription.Accept, AddCandidates, FinishInitialCandidates, Call1.Accept. No INVITE yet:
    see CompleteReceiving.
    """

    connection: str
    target: str
    """A SIP URI."""
    codecs: tuple[Codec, ...]
    candidates: tuple[Candidate, ...]


class RingCall(_ChannelCommand, frozen=True, tag="RingCall"):
    """SetRinging: 180 to the caller."""


class AnswerCall(_ChannelCommand, frozen=True, tag="AnswerCall"):
    """MediaDescription.Accept, AddCandidates, FinishInitialCandidates, Call1.Accept. No 200 yet: see
    CompleteReceiving.
    """

    codecs: tuple[Codec, ...]
    candidates: tuple[Candidate, ...]


class AcceptDescription(_ChannelCommand, frozen=True, tag="AcceptDescription"):
    """MediaDescription.Accept on the far end's waiting description."""

    codecs: tuple[Codec, ...]


class RejectDescription(_ChannelCommand, frozen=True, tag="RejectDescription"):
    """MediaDescription.Reject on the far end's waiting description. Only logs of older rules have it: see
    `rules.WAITING_ANSWER`.
    """


class CompleteReceiving(_ChannelCommand, frozen=True, tag="CompleteReceiving"):
    """CompleteReceivingStateChange: we take audio now (state a FlowState). Sends the INVITE, or the 200."""

    state: int


class CompleteSending(_ChannelCommand, frozen=True, tag="CompleteSending"):
    """CompleteSendingStateChange: we send audio now, or have stopped (state a FlowState)."""

    state: int


class RequestHold(_ChannelCommand, frozen=True, tag="RequestHold"):
    """RequestHold: put the far end on hold, or take it off. See also HoldPostponed."""

    hold: bool


class HangUp(_ChannelCommand, frozen=True, tag="HangUp"):
    """Hangup: the refusal, CANCEL or BYE that the dialog needs (reason a ChangeReason)."""

    reason: int
    message: str = ""


class CloseChannel(_ChannelCommand, frozen=True, tag="CloseChannel"):
    """Channel.Close: let go of an ended call."""


Call1Event: TypeAlias = (
    CallArrived
    | CallStateChanged
    | CallMembersChanged
    | CandidatesReceived
    | DescriptionReceived
    | SendingStateChanged
    | ReceivingStateChanged
    | HoldStateChanged
    | HoldPostponed
    | CallFailed
    | ChannelClosed
)
Call1Command: TypeAlias = (
    PlaceCall
    | RingCall
    | AnswerCall
    | AcceptDescription
    | RejectDescription
    | CompleteReceiving
    | CompleteSending
    | RequestHold
    | HangUp
    | CloseChannel
)


def ends(command: Call1Command) -> bool:
    """Return True if a command only ends something (`commands.ends`)."""
    return isinstance(command, HangUp | CloseChannel)
