"""Why a call ended, in each side's words.

A `Reason` is neutral: a `Cause` and a sentence for people. This page maps it to and from Jingle (XEP-0166 §7.4);
what SIP made of it is the SIP leg's business, and stands there. The tables follow RFC 7247 §7 and
draft-ietf-stox-media.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Cause(StrEnum):
    """Why a call ended, whoever ended it."""

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
"""The causes that are not what somebody wanted, or did not do: something failed."""


class Reason(Struct, frozen=True, gc=False):
    """A cause and what a person should read; text "" where the cause says it all."""

    cause: Cause
    text: str = ""


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


def to_jingle(reason: Reason) -> str:
    """The Jingle reason element for it (XEP-0166 §7.4)."""
    return _JINGLE[reason.cause]


def from_jingle(condition: str, text: str) -> Reason:
    """What a client's session-terminate means; a condition that XEP-0166 §7.4 does not know is a general error."""
    return Reason(_FROM_JINGLE.get(condition, Cause.SERVER_ERROR), text)
