"""The events of Jingle sessions (XEP-0166), and of calls that are proposed by messages (XEP-0353)."""

from enum import StrEnum
from typing import ClassVar, TypeAlias

from msgspec import Struct

from fargo.statemachine.media.bundle import Bundle
from fargo.statemachine.media.description import Content
from fargo.statemachine.model.iq import Iq


class _Event(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


# --- Jingle: XEP-0166


class SessionEvent(_Event, frozen=True):
    """A Jingle action of a client (XEP-0166 §7.2), with its IQ-set and the id of the session."""

    iq: Iq
    sid: str


class SessionInitiated(SessionEvent, frozen=True, tag="SessionInitiated"):
    """session-initiate (XEP-0166 §6.2). ``bundles``: its BUNDLE groups (XEP-0338)."""

    contents: tuple[Content, ...]
    bundles: tuple[Bundle, ...] = ()


class SessionAccepted(SessionEvent, frozen=True, tag="SessionAccepted"):
    """session-accept (XEP-0166 §6.5)."""

    contents: tuple[Content, ...]


class SessionInformed(SessionEvent, frozen=True, tag="SessionInformed"):
    """session-info (XEP-0166 §6.8, XEP-0167 §8). ``info``: the payload's element name, None for a ping.

    For "dtmf" (XEP-0181), ``digit`` is the digit's name among the transient secrets, as it may be part of a PIN, and
    ``duration`` is in milliseconds, None if the client gave none. ``releases``: the key was told before, and the user
    lets go of it. For "transfer" (XEP-0251), ``to`` is the JID that the call is to go to, and ``other_sid`` the id of
    the client's session with that one, None if it has none.
    """

    info: str | None
    namespace: str | None = None
    digit: str | None = None
    duration: int | None = None
    releases: bool = False
    to: str | None = None
    other_sid: str | None = None


class SessionTerminated(SessionEvent, frozen=True, tag="SessionTerminated"):
    """session-terminate (XEP-0166 §6.7). ``condition``: the reason's element name, "success" if none was given."""

    condition: str
    text: str = ""


class ContentEvent(SessionEvent, frozen=True):
    """A Jingle action about contents of an existing session. ``action``: its name in XEP-0166 §7.2."""

    action: ClassVar[str]
    contents: tuple[Content, ...] = ()


class ContentAccepted(ContentEvent, frozen=True, tag="ContentAccepted"):
    """The client accepts contents that the gateway added."""

    action = "content-accept"


class ContentAdded(ContentEvent, frozen=True, tag="ContentAdded"):
    """The client wants to add contents to the session."""

    action = "content-add"


class ContentModified(ContentEvent, frozen=True, tag="ContentModified"):
    """The client changes the direction of a content, its ``senders`` (XEP-0166 §7.3)."""

    action = "content-modify"


class ContentRejected(ContentEvent, frozen=True, tag="ContentRejected"):
    """The client rejects contents that the gateway added."""

    action = "content-reject"


class ContentRemoved(ContentEvent, frozen=True, tag="ContentRemoved"):
    """The client removes contents from the session."""

    action = "content-remove"


class DescriptionInformed(ContentEvent, frozen=True, tag="DescriptionInformed"):
    """The client sends parameters for an application format that was negotiated (XEP-0167 §9)."""

    action = "description-info"


class SecurityInformed(ContentEvent, frozen=True, tag="SecurityInformed"):
    """The client sends information about a security precondition."""

    action = "security-info"


class TransportAccepted(ContentEvent, frozen=True, tag="TransportAccepted"):
    """The client accepts a transport replacement of the gateway."""

    action = "transport-accept"


class TransportInformed(ContentEvent, frozen=True, tag="TransportInformed"):
    """The client sends candidates or credentials of a transport (XEP-0176 §5.5)."""

    action = "transport-info"


class TransportRejected(ContentEvent, frozen=True, tag="TransportRejected"):
    """The client rejects a transport replacement of the gateway."""

    action = "transport-reject"


class TransportReplaced(ContentEvent, frozen=True, tag="TransportReplaced"):
    """The client wants to replace the transport of a content."""

    action = "transport-replace"


ContentChanged: TypeAlias = (
    ContentAccepted
    | ContentAdded
    | ContentModified
    | ContentRejected
    | ContentRemoved
    | DescriptionInformed
    | SecurityInformed
    | TransportAccepted
    | TransportInformed
    | TransportRejected
    | TransportReplaced
)
"""All Jingle actions about contents, other than session-initiate and session-accept."""


# --- Jingle Message Initiation: XEP-0353


class CallAction(StrEnum):
    """A message about a proposed call, other than the proposal (XEP-0353 §3). Version 0.3 has "accept" too."""

    RINGING = "ringing"
    PROCEED = "proceed"
    ACCEPT = "accept"
    REJECT = "reject"
    RETRACT = "retract"
    FINISH = "finish"


class CallProposed(_Event, frozen=True, tag="CallProposed"):
    """<propose/>: a client wants to call ``to`` (XEP-0353 §3.1). ``media``: the media type of each description, such as
    "audio".
    """

    sender: str
    to: str
    sid: str
    media: tuple[str, ...]


class CallMessaged(_Event, frozen=True, tag="CallMessaged"):
    """Any other message of a client about a proposed call, the gateway's or its own (XEP-0353 §3).

    ``condition``: the reason's element name (XEP-0166 §7.4), None if there is no reason.
    """

    sender: str
    to: str
    sid: str
    action: CallAction
    condition: str | None = None
    text: str = ""
