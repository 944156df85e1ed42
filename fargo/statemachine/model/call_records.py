"""Call records (CDRs) and account records, for the readers of the log. They are logged as commands; no adapter
carries them out.

Rules:

1. A call has one record of its beginning and one of its end, one for each path that its audio takes, one when it is
   answered, and one of the packets that a relay received. A call that is refused at once has records too. If our own
   user agent has the call, there is also one for each Call-ID, and one for each state of the audio session.
2. Records follow the commands of the same event, so that no command's id depends on the records.
3. A call's id is the version of the event that started the call: a proposal (XEP-0353), a session-initiate that
   follows no proposal, or the arrival of a SIP call.
4. An account record is written whenever the account's appearance to the user changes.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.model.ng import Quality
from fargo.statemachine.reason import Cause


class Direction(StrEnum):
    """The direction of a call as its user sees it: outgoing or incoming."""

    OUT = "out"
    IN = "in"


class Side(StrEnum):
    """The party that ended a call: the user's clients, the phone and its servers, or the gateway itself."""

    CLIENT = "client"
    PHONE = "phone"
    GATEWAY = "gateway"


class AudioPath(StrEnum):
    """The path of a call's audio: directly between client and phone, or through the media relay."""

    DIRECT = "direct"
    RELAY = "relay"


class _Record(Struct, frozen=True, gc=False, omit_defaults=True):
    call: str


class Rewriting(Struct, frozen=True, gc=False, omit_defaults=True):
    """Dial rules have changed the number of the far end, or refused it.

    ``written``: as the user has written it, or as the call came with it. ``number``: with its country code, if that is
    known. ``result``: what the rules have made of it, None if it was refused. ``rules``: those that have changed it, in
    order, as people write them.
    """

    written: str
    number: str
    result: str | None
    rules: tuple[str, ...]


class RecordBegun(_Record, frozen=True, tag="NoteBegun"):
    """A call began, or was attempted.

    ``peer``: the far end's SIP address, None if the caller is anonymous or the user calls the gateway itself. ``name``:
    its display name, None if it gave none. ``session``: the id of the Jingle session, ``channel``: the name of the SIP
    channel, None if there is none yet. ``rewritten``: None if no dial rule has changed the peer's number.
    """

    direction: Direction
    peer: str | None
    name: str | None = None
    session: str | None = None
    channel: str | None = None
    rewritten: Rewriting | None = None


class RecordPath(_Record, frozen=True, tag="NotePath"):
    """The path that was chosen for the audio. ``why``: the reason, as a sentence. ``forwarded_to``: the SIP address to
    which the call is forwarded, None if it is not: audio goes between the two phones then.
    """

    path: AudioPath
    why: str
    forwarded_to: str | None = None


class RecordAnswered(_Record, frozen=True, tag="NoteAnswered"):
    """The called end answered the call. ``client``: the full JID of the user's client in the call, or the SIP
    address that the call was forwarded to.
    """

    client: str


class RecordEarlyAudio(_Record, frozen=True, tag="NoteEarlyAudio"):
    """The user's client hears the phone, which has not answered: an announcement, as a rule (RFC 3960)."""


class RecordCarried(_Record, frozen=True, tag="NoteCarried"):
    """The number of RTP packets that the relay received from each end. 0 from one end means one-way audio. How well the
    audio of each end got through is None if the relay does not know.
    """

    from_client: int
    from_phone: int
    client_quality: Quality | None = None
    phone_quality: Quality | None = None


class RecordDialog(_Record, frozen=True, tag="NoteDialog"):
    """An INVITE that may begin a dialog was sent or received: its Call-ID, and the URIs of From and To (RFC 3261
    §8.1.1). A call that is placed once more, through the relay, has another Call-ID then. ``forwarded``: it calls the
    number that the call is forwarded to.
    """

    call_id: str
    sender: str
    recipient: str
    forwarded: bool = False


class RecordMedia(_Record, frozen=True, tag="NoteMedia"):
    """The audio session, as the call was answered with it or as it was changed later (RFC 3264).

    ``codecs``: those that were agreed on, such as "PCMU/8000", behind which are those of video. ``local``: the address
    to which the phone sends audio, that of the client or the relay; ``remote``: the phone's own. Both are ``ip:port``,
    None if not known. ``held_by``: the ends that have put the other on hold. ``encrypted``: the audio of the phone is
    encrypted (SRTP): as far as the relay, or as far as the client if it goes directly.
    ``forwarded``: the phone is the caller's, and the number that the call was forwarded to is in the client's place.
    """

    codecs: tuple[str, ...]
    local: str | None = None
    remote: str | None = None
    held_by: tuple[Side, ...] = ()
    encrypted: bool = False
    forwarded: bool = False


class TransferStep(StrEnum):
    """A step of a transfer: it is asked for and begins, or is refused; the new phone takes the call, or not."""

    ASKED = "asked"
    REFUSED = "refused"
    DONE = "done"
    FAILED = "failed"


class RecordTransfer(_Record, frozen=True, tag="NoteTransfer"):
    """A phone has asked that another have its place in the call, or another has claimed that place; or the user has
    transferred the call, so that the two phones are to be joined (``by_user``); or what has become of that. ``to``: the
    SIP address of the other. ``why``: why it was refused, or has failed. ``attended``: the other has talked with the
    first already, and the call takes the place of that. ``call_id``: that of the call which has failed, None if none
    was begun.
    """

    step: TransferStep
    to: str
    why: str = ""
    attended: bool = False
    call_id: str | None = None
    by_user: bool = False


class RecordEnded(_Record, frozen=True, tag="NoteEnded"):
    """The call ended, or the attempt failed: who ended it, why, and a text for people. ``sip_status``: that of the
    response with which the far end refused the INVITE, None if it did not, or the SIP engine does not tell.
    ``forwarded``: the phone that ended it is that of the number that the call was forwarded to.
    """

    by: Side
    cause: Cause
    text: str = ""
    sip_status: int | None = None
    forwarded: bool = False


class RecordAccount(Struct, frozen=True, gc=False, omit_defaults=True, tag="NoteAccount"):
    """The state of the user's account. ``address``: its SIP address; ``status``: a text for people. Both are None if
    the user has no account.
    """

    address: str | None = None
    signed_in: bool = False
    status: str | None = None


CallRecord: TypeAlias = (
    RecordBegun
    | RecordPath
    | RecordEarlyAudio
    | RecordAnswered
    | RecordCarried
    | RecordDialog
    | RecordMedia
    | RecordTransfer
    | RecordEnded
)
LogRecord: TypeAlias = CallRecord | RecordAccount
