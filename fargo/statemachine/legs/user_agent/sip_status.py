"""The meanings of responses and requests that end a call, for the user.

Rules:

1. The provider's own words are told, with the status. What Reason (RFC 3326) and Warning (RFC 3261 §20.43) add to them
   follows: telephone networks say there what really was the matter. They are quoted (`quoting`).
2. What the SIP edge responds itself is told in our words, as nothing came from outside, and so is what cannot be sent:
   it is nobody else's fault (`Reason.ours`).
3. A 408 before the phone rang says that it was not reached.
"""

from collections.abc import Mapping
from typing import Final

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.model.sip_messages import (
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import ReasonValue, SipHeaders
from fargo.statemachine.quoting import quotable
from fargo.statemachine.reason import Cause, Reason, from_q850, from_status

_TIMEOUT: Final = 408
_CHALLENGES: Final = frozenset({401, 407})
_ELSEWHERE: Final = 200
"""The SIP cause of a CANCEL whose call was completed elsewhere (RFC 3326 §3.1)."""
_GLOBAL: Final = 600
"""The first of the SIP causes by which one phone refuses a call for all of its user (RFC 3261 §21.6)."""
_OF_EDGE: Final = {
    408: Reason(Cause.NETWORK, texts.SERVER_SILENT, ours=True),
    477: Reason(Cause.NETWORK, texts.SERVER_UNREACHABLE, ours=True),
    503: Reason(Cause.NETWORK, texts.SERVER_UNREACHABLE, ours=True),
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


def failure(domain: str, event: SipResponseReceived, rang: bool, logged_in: bool) -> Reason:
    """Return why a call that we placed failed. ``domain``: the one whose server it went to. ``rang``: some phone had
    rung. ``logged_in``: the INVITE had an answer to the server's challenge.
    """
    if event.by_edge:
        return _of_edge(event.status, rang)
    said = _said(domain, event, logged_in)
    if event.status == _TIMEOUT and not rang:
        return Reason(Cause.UNAVAILABLE, texts.NOT_REACHED_SAYING.format(said=said), event.status)
    return Reason(from_status(event.status), said, event.status)


def _of_edge(status: int, rang: bool) -> Reason:
    if status == _TIMEOUT and rang:
        return Reason(Cause.NO_ANSWER, texts.NOBODY_ANSWERED)
    return _OF_EDGE.get(status, Reason(Cause.NETWORK, texts.NO_EDGE, ours=True))


def _said(domain: str, event: SipResponseReceived, logged_in: bool) -> str:
    words = quotable(event.phrase)
    template = _template(event.status, words, logged_in)
    said = template.format(domain=domain, words=words, status=event.status)
    details = _details(event.headers, words)
    return texts.SAID_IN_DETAIL.format(said=said.rstrip("."), details=details) if details else said


def _template(status: int, words: str, logged_in: bool) -> str:
    if status in _CHALLENGES:
        return texts.LOGIN_REFUSED if logged_in else texts.LOGIN_UNKNOWN
    if not words:
        return texts.SAID_NOTHING
    return texts.REDIRECTED if status < 400 else texts.SAID_BY_SERVER


def _details(headers: SipHeaders, phrase: str = "") -> str:
    """Return what the headers add to a reason phrase; "" if nothing."""
    told = (*(each.text for each in headers.reason), *(each.text for each in headers.warning))
    different = dict.fromkeys(quotable(text or "") for text in told)
    return ", ".join(texts.DETAIL.format(words=words) for words in different if words not in ("", phrase))


def undelivered(server: str, event: SipRequestUndelivered, words: Mapping[Undelivered, str] | None = None) -> Reason:
    """Return why a call that we placed reached nobody. ``server``: the name of the account's server. ``words``: the
    sentences that are others if it is no call.
    """
    cause, template = _UNDELIVERED[event.why]
    template = (words or {}).get(event.why, template)
    details = quotable(event.text or "") or texts.NO_DETAILS
    return Reason(cause, template.format(server=server, details=details), ours=True)


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
    details = _details(event.headers)
    return Reason(cause, texts.SAID_AT_END.format(details=details) if details else "")


def _is_q850(protocol: str) -> bool:
    return protocol.upper() == "Q.850"
