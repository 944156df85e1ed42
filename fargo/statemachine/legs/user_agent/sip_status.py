"""The meanings of responses and requests that end a call, for the user.

Rules:

1. The provider's own words are told, with the status. What Reason (RFC 3326) and Warning (RFC 3261 §20.43) add to them
   follows: telephone networks say there what really was the matter.
2. What the SIP edge responds itself is told in our words, as nothing came from outside.
3. The texts are hostile: what cannot be printed is replaced, and they are cut.
"""

from collections.abc import Iterator
from typing import Final

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.model.sip_messages import (
    ReasonValue,
    SipHeaders,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.reason import Cause, Reason, from_q850, from_status

_CHALLENGES: Final = frozenset({401, 407})
_ELSEWHERE: Final = 200
"""The SIP cause of a CANCEL whose call was completed elsewhere (RFC 3326 §3.1)."""
_GLOBAL: Final = 600
"""The first of the SIP causes by which one phone refuses a call for all of its user (RFC 3261 §21.6)."""
_LONGEST: Final = 200
_OF_EDGE: Final = {
    408: Reason(Cause.NETWORK, texts.SERVER_SILENT),
    477: Reason(Cause.NETWORK, texts.SERVER_UNREACHABLE),
    503: Reason(Cause.NETWORK, texts.SERVER_UNREACHABLE),
}
_UNDELIVERED: Final = {
    Undelivered.NO_SUCH_NAME: (Cause.NETWORK, texts.NO_SUCH_SERVER),
    Undelivered.NAMES_SILENT: (Cause.NETWORK, texts.NAMES_SILENT),
    Undelivered.SILENT: (Cause.NETWORK, texts.SERVER_SILENT),
    Undelivered.REFUSED: (Cause.NETWORK, texts.SERVER_UNREACHABLE),
    Undelivered.CERTIFICATE: (Cause.SECURITY, texts.CERTIFICATE_INVALID),
    Undelivered.SECRET: (Cause.FORBIDDEN, texts.PASSWORD_LOST),
    Undelivered.EDGE: (Cause.NETWORK, texts.NO_EDGE),
    Undelivered.UNSENDABLE: (Cause.SERVER_ERROR, texts.UNSENDABLE),
}


def failure(domain: str, event: SipResponseReceived, rang: bool) -> Reason:
    """Return why a call that we placed failed. ``rang``: some phone had responded before."""
    if event.by_edge:
        return _of_edge(event.status, rang)
    return Reason(from_status(event.status), _said(domain, event), event.status)


def _of_edge(status: int, rang: bool) -> Reason:
    if status == 408 and rang:
        return Reason(Cause.NO_ANSWER, texts.NOBODY_ANSWERED)
    return _OF_EDGE.get(status, Reason(Cause.NETWORK, texts.NO_EDGE))


def _said(domain: str, event: SipResponseReceived) -> str:
    words = readable(event.phrase) or texts.NO_WORDS
    if event.status in _CHALLENGES:
        said = texts.LOGIN_REFUSED.format(domain=domain, status=event.status)
    elif event.status < 400:
        said = texts.REDIRECTED.format(domain=domain, words=words, status=event.status)
    else:
        said = texts.SAID_BY_SERVER.format(domain=domain, words=words, status=event.status)
    details = ", ".join(dict.fromkeys(each for each in _details(event.headers) if each != words))
    return texts.SAID_IN_DETAIL.format(said=said.rstrip("."), details=details) if details else said


def _details(headers: SipHeaders) -> Iterator[str]:
    """Yield what the headers add to a reason phrase."""
    for text in (*(each.text for each in headers.reason), *(each.text for each in headers.warning)):
        if words := readable(text or ""):
            yield words


def undelivered(server: str, event: SipRequestUndelivered) -> Reason:
    """Return why a call that we placed reached nobody. ``server``: the name of the account's server."""
    cause, template = _UNDELIVERED[event.why]
    details = readable(event.text or "") or texts.NO_DETAILS
    return Reason(cause, template.format(server=server, details=details))


def cancelled(event: SipRequestReceived) -> Reason:
    """Return why a caller has given up: perhaps because the call was answered or declined on another phone."""
    causes = {_of_cancel(each) for each in event.headers.reason}
    if Cause.ELSEWHERE in causes:
        return Reason(Cause.ELSEWHERE, texts.ANSWERED_ELSEWHERE)
    if Cause.DECLINED in causes:
        return Reason(Cause.DECLINED, texts.DECLINED_ELSEWHERE)
    return Reason(Cause.CANCELLED, texts.CALLER_GAVE_UP)


def _of_cancel(value: ReasonValue) -> Cause:
    """Return what one value of the Reason header of a CANCEL means: ELSEWHERE, DECLINED, or anything else."""
    cause = value.cause or 0
    if _is_q850(value.protocol):
        return from_q850(cause)
    if value.protocol.upper() != "SIP":
        return Cause.CANCELLED
    if cause == _ELSEWHERE:
        return Cause.ELSEWHERE
    return Cause.DECLINED if cause >= _GLOBAL else Cause.CANCELLED


def hung_up(event: SipRequestReceived) -> Reason:
    """Return why the far end has sent a BYE. Without a Reason header somebody has hung up."""
    cause = Cause.HUNG_UP
    for each in event.headers.reason:
        if each.cause is None:
            continue
        if _is_q850(each.protocol):
            cause = from_q850(each.cause)
            break
        if each.protocol.upper() == "SIP" and each.cause >= 300:
            cause = from_status(each.cause)
    if cause is Cause.HUNG_UP:
        return Reason(cause)
    return Reason(cause, ", ".join(dict.fromkeys(_details(event.headers))))


def _is_q850(protocol: str) -> bool:
    return protocol.upper() == "Q.850"


def readable(text: str) -> str:
    """Return what a stranger has written, as it can be shown (rule 3)."""
    return "".join(c if c.isprintable() else "?" for c in text.strip())[:_LONGEST]
