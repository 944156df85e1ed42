"""The values that SIP messages consist of: addresses, headers and bodies (RFC 3261 §7).

Rules:

1. What the core decides by is typed. What a response has to repeat is kept as the text that arrived (`RequestHead`): so
   it goes back unchanged, and a restarted gateway can still respond.
2. None of these values holds a password, the response to a digest challenge, an SDES key, a DTMF digit (INFO bodies
   included), or the body of a message.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Content
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.message_summary import MessageSummary

SipTransport: TypeAlias = Literal["udp", "tcp", "tls"]


class SipValue(Struct, frozen=True, gc=False, omit_defaults=True):
    """A part of a SIP message, or a message."""


# --- addresses


class Endpoint(SipValue, frozen=True):
    """A transport address. ``ip`` is an IPv4 or IPv6 address without brackets."""

    transport: SipTransport
    ip: str
    port: int


class Hop(SipValue, frozen=True):
    """The server that a request goes to, as the user or a URI names it; DNS gives its addresses (RFC 3263 §4).

    ``host`` is a name or an address; ``port`` and ``transport`` are None where DNS decides.
    """

    host: str
    port: int | None = None
    transport: SipTransport | None = None


class Identity(SipValue, frozen=True):
    """A URI and its display name (RFC 3261 §20.10)."""

    uri: str
    name: str | None = None


class Party(SipValue, frozen=True):
    """One end of a dialog, as From or To describe it. ``tag`` is None before the dialog exists."""

    uri: str
    tag: str | None = None
    name: str | None = None


# --- headers


class RequestHead(SipValue, frozen=True):
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


class SessionTimer(SipValue, frozen=True):
    """Session-Expires (RFC 4028 §4): seconds, and who refreshes; None if the sender leaves that open."""

    seconds: int
    refresher: Literal["uac", "uas"] | None = None


class Diversion(SipValue, frozen=True):
    """The end that has forwarded a call, and why (RFC 5806 §4.1): such as "no-answer". ``uri``: whom it was for."""

    uri: str
    reason: str = "unknown"


class RAck(SipValue, frozen=True):
    """RAck (RFC 3262 §7.2): the RSeq of a reliable provisional response, and the CSeq of its request."""

    rseq: int
    cseq: int
    method: str


class ReasonValue(SipValue, frozen=True):
    """One value of a Reason header (RFC 3326): ``protocol`` is "SIP" or "Q.850"; ``cause`` is None if absent."""

    protocol: str
    cause: int | None = None
    text: str | None = None


class WarningValue(SipValue, frozen=True):
    """One value of a Warning header (RFC 3261 §20.43)."""

    code: int
    text: str


class SubscriptionState(SipValue, frozen=True):
    """Subscription-State (RFC 6665 §4.1.3), in lower case. ``retry_after``, and ``expires`` in those that we send: in
    seconds, None if absent.
    """

    state: str
    reason: str | None = None
    retry_after: int | None = None
    expires: int | None = None


class SipHeaders(SipValue, frozen=True):
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


class Challenge(SipValue, frozen=True):
    """A digest challenge of a 401 or 407 (RFC 3261 §22, RFC 8760). ``proxy``: it came as Proxy-Authenticate."""

    realm: str
    nonce: str
    proxy: bool = False
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False


class DigestCredentials(SipValue, frozen=True):
    """A challenge that the adapter is to answer for an account: with the user name, and the vault's ``secret``.

    ``count``: how often its nonce is used, with this answer (the nonce count, RFC 7616 §3.4).
    """

    challenge: Challenge
    user: str
    secret: str
    count: int = 1


# --- bodies


class Sdp(SipValue, frozen=True, tag="Sdp"):
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


class OtherBody(SipValue, frozen=True, tag="OtherBody"):
    """A body that is not logged: its media type and its length in bytes. ``problem``: why a session description could
    not be read, as a sentence.
    """

    media_type: str
    length: int
    problem: str | None = None


class PressedKey(SipValue, frozen=True, tag="PressedKey"):
    """A key that is pressed (INFO). ``digit``: its name among the transient secrets; ``duration`` in milliseconds, None
    if it is not known.
    """

    digit: str
    duration: int | None = None


class WholePicture(SipValue, frozen=True, tag="WholePicture"):
    """A request for a whole picture, on which the following ones build (INFO, RFC 5168)."""


class SipFragment(SipValue, frozen=True, tag="SipFragment"):
    """The first line of a response (RFC 3420), which says how far what a REFER asked for has come."""

    status: int
    phrase: str


Body: TypeAlias = Sdp | OtherBody | KeptText | Composing | MessageSummary | PressedKey | WholePicture | SipFragment
