"""The reasons why calls end, neutral and as Jingle and SIP express them.

A `Reason` is neutral: a `Cause` and a sentence for people. The tables map a cause to and from the reason elements of
Jingle (XEP-0166 §7.4), to and from the status codes of SIP (RFC 3261 §21), and from the cause values of telephone
networks (ITU-T Q.850). They follow RFC 7247 §7, draft-ietf-stox-media and RFC 3398 §7.2. A SIP engine that cannot send
every status has a table of its own in its leg.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Cause(StrEnum):
    """The cause of a call's end, independent of the side that ended it."""

    HUNG_UP = "hung-up"
    CANCELLED = "cancelled"
    ELSEWHERE = "answered-elsewhere"
    NOT_FOUND = "not-found"
    UNAVAILABLE = "unavailable"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    DECLINED = "declined"
    FORBIDDEN = "forbidden"
    MEDIA = "media"
    APPLICATION = "application"
    TRANSPORT = "transport"
    SECURITY = "security"
    NETWORK = "network"
    CONGESTION = "congestion"
    SERVER_ERROR = "server-error"
    FAULT = "fault"


FAILURES: Final = frozenset(Cause) - {
    Cause.HUNG_UP,
    Cause.CANCELLED,
    Cause.ELSEWHERE,
    Cause.NO_ANSWER,
    Cause.BUSY,
    Cause.DECLINED,
}
"""The causes that mean that something failed; the others are what people chose to do, or did not do."""


class Reason(Struct, frozen=True, gc=False):
    """A cause and a text for people, which is empty where the cause says it all. ``status``: that of the SIP response
    which refused the call, None if there was none, or it is not known. ``ours``: the gateway itself is the cause, or
    that it could not reach anybody; nobody else has said anything.
    """

    cause: Cause
    text: str = ""
    status: int | None = None
    ours: bool = False


_JINGLE: Final = {
    Cause.HUNG_UP: "success",
    Cause.CANCELLED: "cancel",
    Cause.ELSEWHERE: "cancel",
    Cause.NOT_FOUND: "gone",
    Cause.UNAVAILABLE: "timeout",
    Cause.NO_ANSWER: "timeout",
    Cause.BUSY: "busy",
    Cause.DECLINED: "decline",
    Cause.FORBIDDEN: "security-error",
    Cause.MEDIA: "incompatible-parameters",
    Cause.APPLICATION: "unsupported-applications",
    Cause.TRANSPORT: "unsupported-transports",
    Cause.SECURITY: "security-error",
    Cause.NETWORK: "connectivity-error",
    Cause.CONGESTION: "general-error",
    Cause.SERVER_ERROR: "general-error",
    Cause.FAULT: "general-error",
}
_FROM_JINGLE: Final = {
    "success": Cause.HUNG_UP,
    "cancel": Cause.CANCELLED,
    "busy": Cause.BUSY,
    "decline": Cause.DECLINED,
    "expired": Cause.NO_ANSWER,
    "timeout": Cause.NO_ANSWER,
    "gone": Cause.UNAVAILABLE,
    "incompatible-parameters": Cause.MEDIA,
    "unsupported-applications": Cause.APPLICATION,
    "unsupported-transports": Cause.TRANSPORT,
    "failed-application": Cause.MEDIA,
    "failed-transport": Cause.TRANSPORT,
    "media-error": Cause.MEDIA,
    "connectivity-error": Cause.NETWORK,
    "security-error": Cause.SECURITY,
}
# RFC 3261 §21.4 to 21.6; 607 is RFC 8197, 608 is RFC 8688. What is not listed is `SERVER_ERROR`.
_FROM_STATUS: Final = {
    401: Cause.FORBIDDEN,  # Unauthorized
    403: Cause.FORBIDDEN,  # Forbidden
    404: Cause.NOT_FOUND,  # Not Found
    407: Cause.FORBIDDEN,  # Proxy Authentication Required
    408: Cause.NO_ANSWER,  # Request Timeout
    410: Cause.NOT_FOUND,  # Gone
    415: Cause.MEDIA,  # Unsupported Media Type
    480: Cause.UNAVAILABLE,  # Temporarily Unavailable
    484: Cause.NOT_FOUND,  # Address Incomplete
    486: Cause.BUSY,  # Busy Here
    487: Cause.CANCELLED,  # Request Terminated
    488: Cause.MEDIA,  # Not Acceptable Here
    502: Cause.NETWORK,  # Bad Gateway
    503: Cause.NETWORK,  # Service Unavailable
    504: Cause.NETWORK,  # Server Time-out
    600: Cause.BUSY,  # Busy Everywhere
    603: Cause.DECLINED,  # Decline
    604: Cause.NOT_FOUND,  # Does Not Exist Anywhere
    606: Cause.MEDIA,  # Not Acceptable
    607: Cause.DECLINED,  # Unwanted
    608: Cause.DECLINED,  # Rejected
}
# RFC 3261 §21.4 to 21.6. A client that declines ends the call for all of the user's devices, and so does 603.
_STATUS: Final = {
    Cause.HUNG_UP: 486,
    Cause.CANCELLED: 486,
    Cause.ELSEWHERE: 486,
    Cause.NOT_FOUND: 404,
    Cause.UNAVAILABLE: 480,
    Cause.NO_ANSWER: 480,
    Cause.BUSY: 486,
    Cause.DECLINED: 603,
    Cause.FORBIDDEN: 403,
    Cause.MEDIA: 488,
    Cause.APPLICATION: 488,
    Cause.TRANSPORT: 488,
    Cause.SECURITY: 488,
    Cause.NETWORK: 480,
    Cause.CONGESTION: 503,
    Cause.SERVER_ERROR: 500,
    Cause.FAULT: 500,
}
# ITU-T Q.850 table 1. What is not listed is `SERVER_ERROR`.
_FROM_Q850: Final = {
    1: Cause.NOT_FOUND,  # Unallocated number
    2: Cause.NOT_FOUND,  # No route to transit network
    3: Cause.NOT_FOUND,  # No route to destination
    16: Cause.HUNG_UP,  # Normal call clearing
    17: Cause.BUSY,  # User busy
    18: Cause.NO_ANSWER,  # No user responding
    19: Cause.NO_ANSWER,  # No answer from user
    20: Cause.UNAVAILABLE,  # Subscriber absent
    21: Cause.DECLINED,  # Call rejected
    22: Cause.NOT_FOUND,  # Number changed
    26: Cause.ELSEWHERE,  # Non-selected user clearing
    27: Cause.UNAVAILABLE,  # Destination out of order
    28: Cause.NOT_FOUND,  # Invalid number format
    31: Cause.HUNG_UP,  # Normal, unspecified
    34: Cause.NETWORK,  # No circuit or channel available
    38: Cause.NETWORK,  # Network out of order
    41: Cause.NETWORK,  # Temporary failure
    42: Cause.NETWORK,  # Switching equipment congestion
    44: Cause.NETWORK,  # Requested circuit or channel not available
    47: Cause.NETWORK,  # Resource unavailable, unspecified
    50: Cause.FORBIDDEN,  # Requested facility not subscribed
    55: Cause.FORBIDDEN,  # Incoming calls barred within the closed user group
    57: Cause.FORBIDDEN,  # Bearer capability not authorized
    58: Cause.MEDIA,  # Bearer capability not presently available
    65: Cause.MEDIA,  # Bearer capability not implemented
    79: Cause.MEDIA,  # Service or option not implemented
    87: Cause.FORBIDDEN,  # User not a member of the closed user group
    88: Cause.MEDIA,  # Incompatible destination
    102: Cause.NETWORK,  # Recovery on timer expiry
}


def to_jingle(reason: Reason) -> str:
    """Return the Jingle reason element for it (XEP-0166 §7.4)."""
    return _JINGLE[reason.cause]


def from_jingle(condition: str, text: str) -> Reason:
    """Return the reason of a client's session-terminate.

    A condition that XEP-0166 §7.4 does not list is a general error.
    """
    return Reason(_FROM_JINGLE.get(condition, Cause.SERVER_ERROR), text)


def from_status(code: int) -> Cause:
    """Return the cause of a final SIP response other than 2xx.

    A redirection (RFC 3261 §21.3) is not followed: the address that was called cannot be reached.
    """
    return Cause.UNAVAILABLE if code < 400 else _FROM_STATUS.get(code, Cause.SERVER_ERROR)


def to_status(cause: Cause) -> int:
    """Return the SIP status with which a call is refused for this cause."""
    return _STATUS[cause]


def from_q850(value: int) -> Cause:
    """Return the cause of a Q.850 cause value, as in a Reason header (RFC 3326)."""
    return _FROM_Q850.get(value, Cause.SERVER_ERROR)
