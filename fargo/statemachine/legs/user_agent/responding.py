"""Responses of ours, and the checks that every request of the far end has to pass (RFC 3261 §8.2)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fargo.statemachine import derived
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Access
from fargo.statemachine.legs.user_agent.dialog import Dialog, is_about
from fargo.statemachine.model.abilities import ALLOW, SUPPORTED
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_messages import SendResponse, SipRequestReceived
from fargo.statemachine.model.sip_values import (
    NO_HEADERS,
    Body,
    OtherBody,
    RequestHead,
    SipFragment,
    SipHeaders,
    WarningValue,
)

_PHRASES: Final = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    504: "Server Time-out",
    603: "Decline",
}
"""RFC 3261 §21."""
_INCOMPATIBLE: Final = 305
"""The warning that one or more formats of the media are not available (RFC 3261 §20.43)."""
_WITH_DESCRIPTION: Final = frozenset({"INVITE", "UPDATE", "PRACK"})


def response(
    name: str,
    access: Access,
    head: RequestHead,
    status: int,
    headers: SipHeaders = NO_HEADERS,
    body: Body | None = None,
    contact: bool = False,
) -> SendResponse:
    """Return a response to a request of the dialog of that name."""
    tag = derived.tag(access.nonce, name)
    return SendResponse(name, head, status, _PHRASES[status], tag, contact, headers, body)


def phrase(status: int) -> str:
    """Return the words of a status; "" if it has none here."""
    return _PHRASES.get(status, "")


def respond(
    name: str,
    access: Access,
    event: SipRequestReceived,
    status: int,
    effects: Effects,
    headers: SipHeaders = NO_HEADERS,
    contact: bool = False,
) -> None:
    """Send a response without a body."""
    effects.emit(response(name, access, event.head, status, headers, contact=contact))


def incompatible(text: str) -> SipHeaders:
    """Return the headers of a response to an offer that cannot be had (RFC 3261 §21.4.26)."""
    return SipHeaders(warning=(WarningValue(_INCOMPATIBLE, text),))


class Objection(NamedTuple):
    """The status with which a request is refused, and the headers of the response."""

    status: int
    headers: SipHeaders = NO_HEADERS


def objection(dialog: Dialog | None, event: SipRequestReceived) -> Objection | None:
    """Return why a request within a dialog, other than ACK and CANCEL, is refused, whatever the phase; None if it is
    not. ``dialog``: None if there is none to which the request could belong.
    """
    head = event.head
    if dialog is None or not is_about(dialog, event):
        return Objection(481)
    if head.method not in ALLOW and not isinstance(event.body, KeptText | SipFragment):
        return Objection(405, SipHeaders(allow=ALLOW))
    if unknown := unsupported(event.headers.require):
        return Objection(420, SipHeaders(unsupported=unknown))
    if dialog.received is not None and head.cseq < dialog.received:
        return Objection(500)  # RFC 3261 §12.2.2
    if head.method == "REFER":
        return Objection(603)  # one that can be followed does not come here (`referring`)
    return undescribed(event.body) if head.method in _WITH_DESCRIPTION else None


def unsupported(extensions: Sequence[str]) -> tuple[str, ...]:
    """Return those of the required extensions that we do not have (RFC 3261 §8.2.2.3)."""
    return tuple(each for each in extensions if each not in SUPPORTED)


def undescribed(body: Body | None) -> Objection | None:
    """Return why a body is refused where only a session description makes sense."""
    if not isinstance(body, OtherBody):
        return None
    return Objection(415) if body.problem is None else Objection(488, incompatible(body.problem))
