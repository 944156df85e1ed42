"""SIP messages: what the engine "sip", our own user agent (RFC 3261), receives and sends.

Only the user agent (`legs.user_agent`, `account.binding`) and the SIP adapter look inside. All other modules see opaque
members of Event and Command.

Rules:

1. A name stands for each registration and each dialog of ours: the id of its first REGISTER, the id of its first
   INVITE, ``<registration>-<hash of Call-ID and From tag>`` for an incoming call, or ``<registration>-<id of its first
   SUBSCRIBE>`` for a subscription. It is in the user part of our Contact and in our tag, so the adapter reads it from
   whatever arrives.
2. The branch of a request contains the id of its command. A response carries that id (``command``), also after a
   restart; the response to a CANCEL carries that of its INVITE. The adapter handles retransmissions; they are not
   events. It acknowledges failures of an INVITE itself, and sends a CANCEL once the edge has answered the INVITE.
3. What may not be logged is in none of them, as in no value that they consist of (`sip_values`, rule 2).
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import field

from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip import SipAccountEvent, SipCallArrived, SipCallEvent, SipTextArrived
from fargo.statemachine.model.sip_values import (
    NO_HEADERS,
    Body,
    Challenge,
    DigestCredentials,
    Endpoint,
    Hop,
    Identity,
    Party,
    RequestHead,
    SipHeaders,
    SipValue,
)

# --- what arrives for a call


class InviteReceived(SipCallArrived, frozen=True, tag="InviteReceived"):
    """An INVITE outside a dialog. ``name``: that of the dialog (rule 1). ``connection``: the registration whose Contact
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


class Binding(SipValue, frozen=True):
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


class EdgeRestarted(SipValue, frozen=True, tag="EdgeRestarted"):
    """The SIP edge was restarted: its open transactions and its TCP and TLS connections are lost."""


# --- what is sent


class SendRequest(SipValue, frozen=True, tag="SendRequest"):
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


class SendResponse(SipValue, frozen=True, tag="SendResponse"):
    """A response to a received request. ``tag``: ours, for To. ``contact``: the response has a Contact."""

    dialog: str
    head: RequestHead
    status: int
    phrase: str
    tag: str | None = None
    contact: bool = False
    headers: SipHeaders = NO_HEADERS
    body: Body | None = None


class SendRegister(SipValue, frozen=True, tag="SendRegister"):
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


class KeepFlow(SipValue, frozen=True, tag="KeepFlow"):
    """Keep the way from the registrar to us open, as NATs forget it; report `FlowClosed` when it is lost."""

    connection: str
    registrar: Endpoint


class ReleaseFlow(SipValue, frozen=True, tag="ReleaseFlow"):
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
