"""SIP messages as values: what the engine "sip", our own user agent (RFC 3261), receives and sends.

Only the user agent (`legs.user_agent`, `account.binding`) and the SIP adapter look inside. All other modules see opaque
members of Event and Command.

Rules:

1. What the core decides by is typed. What a response has to repeat is kept as the text that arrived (`RequestHead`): so
   it goes back unchanged, and a restarted gateway can still respond.
2. A name stands for each registration and each dialog of ours: the id of its first REGISTER, the id of its first
   INVITE, ``<registration>-<hash of Call-ID and From tag>`` for an incoming call, or ``<registration>-<id of its first
   SUBSCRIBE>`` for a subscription. It is in the user part of our Contact and in our tag, so the adapter reads it from
   whatever arrives.
3. The branch of a request contains the id of its command. A response carries that id (``command``), also after a
   restart; the response to a CANCEL carries that of its INVITE. The adapter handles retransmissions; they are not
   events. It acknowledges failures of an INVITE itself, and sends a CANCEL once the edge has answered the INVITE.
4. None of these values holds a password, the response to a digest challenge, an SDES key, a DTMF digit (INFO bodies
   included), or the body of a message.
"""

from enum import StrEnum
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from fargo.statemachine.media.description import Content
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip import SipAccountEvent, SipCallArrived, SipCallEvent, SipTextArrived

SipTransport: TypeAlias = Literal["udp", "tcp", "tls"]


class _Value(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


# --- addresses


class Endpoint(_Value, frozen=True):
    """A transport address. ``ip`` is an IPv4 or IPv6 address without brackets."""

    transport: SipTransport
    ip: str
    port: int


class Hop(_Value, frozen=True):
    """The server that a request goes to, as the user or a URI names it; DNS gives its addresses (RFC 3263 §4).

    ``host`` is a name or an address; ``port`` and ``transport`` are None where DNS decides.
    """

    host: str
    port: int | None = None
    transport: SipTransport | None = None


class Identity(_Value, frozen=True):
    """A URI and its display name (RFC 3261 §20.10)."""

    uri: str
    name: str | None = None


class Party(_Value, frozen=True):
    """One end of a dialog, as From or To describe it. ``tag`` is None before the dialog exists."""

    uri: str
    tag: str | None = None
    name: str | None = None


# --- headers


class RequestHead(_Value, frozen=True):
    """The parts of a received request that every response to it repeats (RFC 3261 §8.2.6.2, §12.1.1), as they came.

    ``via``, ``record_route``: one text for each entry, topmost first.
    """

    method: str
    uri: str
    via: tuple[str, ...]
    from_text: str
    to_text: str
    call_id: str
    cseq: int
    record_route: tuple[str, ...] = ()


class SessionTimer(_Value, frozen=True):
    """Session-Expires (RFC 4028 §4): seconds, and who refreshes; None if the sender leaves that open."""

    seconds: int
    refresher: Literal["uac", "uas"] | None = None


class Diversion(_Value, frozen=True):
    """The end that has forwarded a call, and why (RFC 5806 §4.1): such as "no-answer". ``uri``: whom it was for."""

    uri: str
    reason: str = "unknown"


class RAck(_Value, frozen=True):
    """RAck (RFC 3262 §7.2): the RSeq of a reliable provisional response, and the CSeq of its request."""

    rseq: int
    cseq: int
    method: str


class ReasonValue(_Value, frozen=True):
    """One value of a Reason header (RFC 3326): ``protocol`` is "SIP" or "Q.850"; ``cause`` is None if absent."""

    protocol: str
    cause: int | None = None
    text: str | None = None


class WarningValue(_Value, frozen=True):
    """One value of a Warning header (RFC 3261 §20.43)."""

    code: int
    text: str


class SubscriptionState(_Value, frozen=True):
    """Subscription-State (RFC 6665 §4.1.3), in lower case. ``retry_after``, and ``expires`` in those that we send: in
    seconds, None if absent.
    """

    state: str
    reason: str | None = None
    retry_after: int | None = None
    expires: int | None = None


class SipHeaders(_Value, frozen=True):
    """The headers that the core decides by. Times are in seconds. ``unknown``: the names of all others."""

    require: tuple[str, ...] = ()
    supported: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    session_expires: SessionTimer | None = None
    min_se: int | None = None
    rseq: int | None = None
    rack: RAck | None = None
    reason: tuple[ReasonValue, ...] = ()
    warning: tuple[WarningValue, ...] = ()
    retry_after: int | None = None
    expires: int | None = None
    min_expires: int | None = None
    asserted: tuple[Identity, ...] = ()
    """P-Asserted-Identity (RFC 3325 §9.1)."""
    privacy: tuple[str, ...] = ()
    early_media: str | None = None
    """P-Early-Media (RFC 5009)."""
    replaces: str | None = None
    """The dialog that an INVITE takes over (RFC 3891 §6.1), as it is written."""
    refer_to: str | None = None
    """The end that a REFER names (RFC 3515 §2.1), as it is written."""
    referred_by: str | None = None
    """The end that has referred us to the called one (RFC 3892 §3), as it is written."""
    refer_sub: bool | None = None
    """Refer-Sub (RFC 4488 §4): False if a REFER is not to be followed by notices; None if absent."""
    diversion: tuple[Diversion, ...] = ()
    """Those who have forwarded the call, the latest first."""
    max_forwards: int | None = None
    """Over how many servers the request may yet go, if those are fewer than for a new one (RFC 3261 §8.1.1.6)."""
    event: str | None = None
    """The event package (RFC 6665 §8.2.1): received without parameters, sent with those that it needs."""
    subscription_state: SubscriptionState | None = None
    composing: bool = False
    """Accept lists notices of who types (RFC 3994)."""
    unknown: tuple[str, ...] = ()


NO_HEADERS: Final = SipHeaders()


class Challenge(_Value, frozen=True):
    """A digest challenge of a 401 or 407 (RFC 3261 §22, RFC 8760). ``proxy``: it came as Proxy-Authenticate."""

    realm: str
    nonce: str
    proxy: bool = False
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False


class DigestCredentials(_Value, frozen=True):
    """A challenge that the adapter is to answer for an account: with the user name, and the vault's ``secret``.

    ``count``: how often its nonce is used, with this answer (the nonce count, RFC 7616 §3.4).
    """

    challenge: Challenge
    user: str
    secret: str
    count: int = 1


# --- bodies


class Sdp(_Value, frozen=True, tag="Sdp"):
    """A session description (RFC 4566). ``audio`` is its first usable audio stream, None if it has none.

    ``media``: all its m= lines, without "m=". ``place``: which of them is the audio's. The adapter writes the others
    with port 0. ``version``: the version in its o= line. ``video``: its first usable stream of video, None if it has
    none; ``video_place``: which of the m= lines is the video's, also if that is not used.
    """

    audio: Content | None
    media: tuple[str, ...] = ()
    place: int | None = None
    version: int = 0
    video: Content | None = None
    video_place: int | None = None


class OtherBody(_Value, frozen=True, tag="OtherBody"):
    """A body that is not logged: its media type and its length in bytes. ``problem``: why a session description could
    not be read, as a sentence.
    """

    media_type: str
    length: int
    problem: str | None = None


class PressedKey(_Value, frozen=True, tag="PressedKey"):
    """A key that is pressed (INFO). ``digit``: its name among the transient secrets; ``duration`` in milliseconds, None
    if it is not known.
    """

    digit: str
    duration: int | None = None


class WholePicture(_Value, frozen=True, tag="WholePicture"):
    """A request for a whole picture, on which the following ones build (INFO, RFC 5168)."""


class SipFragment(_Value, frozen=True, tag="SipFragment"):
    """The first line of a response (RFC 3420), which says how far what a REFER asked for has come."""

    status: int
    phrase: str


Body: TypeAlias = Sdp | OtherBody | KeptText | Composing | MessageSummary | PressedKey | WholePicture | SipFragment


# --- what arrives for a call


class InviteReceived(SipCallArrived, frozen=True, tag="InviteReceived"):
    """An INVITE outside a dialog. ``name``: that of the dialog (rule 2). ``connection``: the registration whose Contact
    was called. ``source``: where it came from. ``of_provider``: that is an address of the account's provider.
    """

    name: str
    connection: str
    head: RequestHead
    source: Endpoint
    caller: Party
    contact: str | None = None
    headers: SipHeaders = NO_HEADERS
    body: Body | None = None
    of_provider: bool = False


class TextReceived(SipTextArrived, frozen=True, tag="TextReceived"):
    """A MESSAGE outside a dialog (RFC 3428). ``name``: that of the dialog that an INVITE in its place would begin.
    ``text``: what it says, or that somebody types. All else is as in `InviteReceived`.
    """

    name: str
    connection: str
    head: RequestHead
    source: Endpoint
    caller: Party
    text: KeptText | Composing
    headers: SipHeaders = NO_HEADERS
    of_provider: bool = False


class DialogEvent(SipCallEvent, frozen=True):
    """Something that concerns a dialog, or an INVITE that may begin one."""

    leg: str = field(name="dialog")


class SipRequestReceived(DialogEvent, frozen=True, tag="SipRequestReceived"):
    """A request within a dialog, the CANCEL or ACK of an INVITE, or a NOTIFY outside of a dialog, which is about the
    registration of that name. ``remote_tag``: the sender's tag.

    ``digit``: for a key in an INFO body, the digit's name among the transient secrets; ``duration`` in milliseconds.
    """

    head: RequestHead
    source: Endpoint
    remote_tag: str | None = None
    contact: str | None = None
    headers: SipHeaders = NO_HEADERS
    body: Body | None = None
    digit: str | None = None
    duration: int | None = None


class SipResponseReceived(DialogEvent, frozen=True, tag="SipResponseReceived"):
    """A response to the request of ``command``, other than 100. ``by_edge``: the SIP edge made it, as nothing came from
    outside.
    """

    command: str
    method: str
    status: int
    phrase: str
    source: Endpoint | None = None
    remote_tag: str | None = None
    contact: str | None = None
    record_route: tuple[str, ...] = ()
    headers: SipHeaders = NO_HEADERS
    body: Body | None = None
    challenges: tuple[Challenge, ...] = ()
    by_edge: bool = False


class Undelivered(StrEnum):
    """The reason why a request has no response."""

    NO_SUCH_NAME = "no-such-name"
    """DNS says that the server's name does not exist, or has no address."""
    NAMES_SILENT = "names-silent"
    """No name server answered."""
    SILENT = "silent"
    """No address of the server answered in time."""
    REFUSED = "refused"
    """The server refuses connections."""
    CERTIFICATE = "certificate"
    """The server's TLS certificate is not valid, or is for another name."""
    SECRET = "secret"
    """The vault does not have the password."""
    EDGE = "edge"
    """The SIP edge does not run."""
    UNSENDABLE = "unsendable"
    """The message cannot be written as SIP, or no socket of ours reaches the server's address."""


class SipRequestUndelivered(DialogEvent, frozen=True, tag="SipRequestUndelivered"):
    """The request of ``command`` has no response. ``text``: details for people, such as the name in a certificate."""

    command: str
    why: Undelivered
    text: str | None = None


# --- what arrives for a registration


class Binding(_Value, frozen=True):
    """A Contact in the response to a REGISTER (RFC 3261 §10.3). ``expires``: the seconds granted, None if not given.

    ``ours``: it leads to this gateway and was made for this user. ``name``: the registration that it was made for, None
    if it was made by another SIP engine.
    """

    contact: str
    expires: int | None = None
    ours: bool = False
    name: str | None = None


class RegisterAnswered(SipAccountEvent, frozen=True, tag="RegisterAnswered"):
    """The final response to the REGISTER of ``command``. ``seen``: our address as the registrar sees it."""

    command: str
    status: int
    phrase: str
    source: Endpoint | None = None
    bindings: tuple[Binding, ...] = ()
    service_route: tuple[str, ...] = ()
    headers: SipHeaders = NO_HEADERS
    challenges: tuple[Challenge, ...] = ()
    seen: Endpoint | None = None
    by_edge: bool = False


class RegisterUndelivered(SipAccountEvent, frozen=True, tag="RegisterUndelivered"):
    """The REGISTER of ``command`` has no response."""

    command: str
    why: Undelivered
    text: str | None = None


class FlowClosed(SipAccountEvent, frozen=True, tag="FlowClosed"):
    """The registrar closed the transport connection over which it would send calls (a flow, RFC 5626 §2)."""


class EdgeRestarted(_Value, frozen=True, tag="EdgeRestarted"):
    """The SIP edge was restarted: its open transactions and its TCP and TLS connections are lost."""


# --- what is sent


class SendRequest(_Value, frozen=True, tag="SendRequest"):
    """A request for a dialog, an INVITE or SUBSCRIBE that may begin one, or a MESSAGE. ``sender`` is From and
    ``recipient`` is To.

    ``hop``: the server to send it to; if None, the first of the ``routes`` or the ``uri`` decides (RFC 3261 §8.1.2).
    ``destination``: the address of that server which has answered before. ``contact``: the request has a Contact.
    ``credentials``: one for each realm (`account.digest`).
    ``cancels``: for a CANCEL, the id of the INVITE's command, whose branch it has. ``repeats``: for a request that is
    sent again, as part of the same transaction, the id of its first command, whose branch it has.
    """

    dialog: str | None
    """None for the first INVITE, or a MESSAGE, whose id becomes the name."""
    method: str
    uri: str
    call_id: str
    cseq: int
    sender: Party
    recipient: Party
    routes: tuple[str, ...] = ()
    hop: Hop | None = None
    destination: Endpoint | None = None
    contact: bool = False
    headers: SipHeaders = NO_HEADERS
    body: Body | None = None
    credentials: tuple[DigestCredentials, ...] = ()
    cancels: str | None = None
    repeats: str | None = None


class SendResponse(_Value, frozen=True, tag="SendResponse"):
    """A response to a received request. ``tag``: ours, for To. ``contact``: the response has a Contact."""

    dialog: str
    head: RequestHead
    status: int
    phrase: str
    tag: str | None = None
    contact: bool = False
    headers: SipHeaders = NO_HEADERS
    body: Body | None = None


class SendRegister(_Value, frozen=True, tag="SendRegister"):
    """A REGISTER. ``expires``: the seconds asked for; 0 removes the binding, None only asks for the bindings.

    ``remove``: further Contacts to remove, as the registrar wrote them. ``credentials``: one for each realm.
    """

    connection: str | None
    """None for the first REGISTER, whose id becomes the name."""
    address: Identity
    call_id: str
    cseq: int
    tag: str
    hop: Hop
    destination: Endpoint | None = None
    expires: int | None = None
    remove: tuple[str, ...] = ()
    credentials: tuple[DigestCredentials, ...] = ()


class KeepFlow(_Value, frozen=True, tag="KeepFlow"):
    """Keep the way from the registrar to us open, as NATs forget it; report `FlowClosed` when it is lost."""

    connection: str
    registrar: Endpoint


class ReleaseFlow(_Value, frozen=True, tag="ReleaseFlow"):
    """End `KeepFlow`."""

    connection: str


RegistrationEvent: TypeAlias = RegisterAnswered | RegisterUndelivered | FlowClosed
UserAgentEvent: TypeAlias = (
    InviteReceived
    | TextReceived
    | SipRequestReceived
    | SipResponseReceived
    | SipRequestUndelivered
    | RegistrationEvent
    | EdgeRestarted
)
UserAgentCommand: TypeAlias = SendRequest | SendResponse | SendRegister | KeepFlow | ReleaseFlow
