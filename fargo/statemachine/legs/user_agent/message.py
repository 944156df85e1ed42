"""Text messages outside a dialog (RFC 3428), as our own user agent sends and answers them.

Rules:

1. A MESSAGE goes where a call to that address would go, through the user's own account, and each has a Call-ID of its
   own. If the server challenges it, it is sent once more with the next number, like an INVITE.
2. It is pending until its final response. The adapter reports silence.
3. 2xx means that it was taken, and 202 only that it may be delivered later (RFC 3428 §7).
4. Why it failed is told in the words for calls (`sip_status`), where they fit. Servers that have no MESSAGE answer with
   405 or 501 (RFC 3261 §21.4.6, §21.5.2), and those that take no such body with 415, 488 or 606.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Access, Line
from fargo.statemachine.legs.user_agent import authentication, sip_status, texts
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_messages import (
    SendRequest,
    SendResponse,
    SipRequestUndelivered,
    SipResponseReceived,
    TextReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Party
from fargo.statemachine.quoting import quotable
from fargo.statemachine.reason import Cause, Reason, from_status

_LONGEST: Final = 64.0
"""Seconds. The adapter reports silence after 32, but tries other addresses of the server before."""
_MOST_REQUESTS: Final = 6
"""The number of requests for one part, with those that are sent once more (rule 1)."""
_ACCEPTED: Final = 202
_TIMEOUT: Final = 408
_NOT_TAKEN: Final = frozenset({405, 415, 488, 501, 606})
_CHALLENGES: Final = frozenset({401, 407})
_UNDELIVERED: Final = {
    Undelivered.SILENT: texts.TEXT_SERVER_SILENT,
    Undelivered.EDGE: texts.TEXT_NO_EDGE,
    Undelivered.UNSENDABLE: texts.TEXT_UNSENDABLE,
}
"""The sentences that are other than those about calls."""
_PHRASES: Final = {200: "OK", 403: "Forbidden", 480: "Temporarily Unavailable", 500: "Server Internal Error"}


class Texted(Struct, frozen=True, gc=False):
    """The progress of a text. ``command``: the id of the request that is under way, None if it was taken.
    ``delivered``: it was taken for delivery at once.
    """

    command: str | None = None
    delivered: bool = False


# --- sent


def send(line: Line, text: KeptText | Composing, effects: Effects) -> str:
    """Send a text. Return the id of the request."""
    trunk, name = line.trunk, effects.next_id
    assert trunk, "the core has the registrations of our own user agent"
    target, own = str(line.target), not line.direct
    request = SendRequest(
        dialog=None,
        method="MESSAGE",
        uri=target,
        call_id=derived.call_id(line.nonce, name),
        cseq=1,
        sender=Party(str(trunk.own), derived.tag(line.nonce, name)),
        recipient=Party(target),
        routes=trunk.routes if own else (),
        hop=line.hop,
        destination=trunk.registrar if own else None,
        body=text,
    )
    return effects.emit_pending(request, _LONGEST)


def answered(line: Line, event: SipResponseReceived | SipRequestUndelivered, effects: Effects) -> Texted | Reason:
    """Return what has come of a text, or why it was not delivered."""
    waiting = effects.pending.get(event.command)
    request = waiting.command if waiting else None
    if not isinstance(request, SendRequest):
        return Texted(event.command)
    if isinstance(event, SipRequestUndelivered):
        effects.settle(event.command)
        return sip_status.undelivered(line.hop.host, event, _UNDELIVERED)
    if event.status < 200:
        return Texted(event.command)
    effects.settle(event.command)
    if event.status < 300:
        return Texted(delivered=event.status != _ACCEPTED)
    anew = authentication.answered(request, event, Access(line.nonce, line.trunk))
    if anew is None or request.cseq >= _MOST_REQUESTS:
        return _failure(line.speaker, event, bool(request.credentials))
    again = replace(anew, dialog=anew.dialog or event.leg, cseq=anew.cseq + 1)
    return Texted(effects.emit_pending(again, _LONGEST))


def _failure(domain: str, event: SipResponseReceived, logged_in: bool) -> Reason:
    """Return why a text was refused. ``logged_in``: it had an answer to a challenge."""
    words, status = quotable(event.phrase), event.status
    if event.by_edge and status != _TIMEOUT:
        return Reason(Cause.NETWORK, texts.SERVER_UNREACHABLE, ours=True)
    if event.by_edge:
        return Reason(Cause.NETWORK, texts.TEXT_SERVER_SILENT, ours=True)
    if status in _NOT_TAKEN:
        return Reason(Cause.MEDIA, texts.NO_TEXT_TAKEN.format(domain=domain, words=words, status=status), status)
    if status in _CHALLENGES:
        said = (texts.TEXT_LOGIN_REFUSED if logged_in else texts.LOGIN_UNKNOWN).format(domain=domain, status=status)
        return Reason(Cause.FORBIDDEN, said, status)
    if status < 400:
        return Reason(from_status(status), texts.TEXT_REDIRECTED.format(domain=domain, status=status), status)
    if status == _TIMEOUT:
        return Reason(Cause.UNAVAILABLE, texts.TEXT_NOT_REACHED.format(domain=domain, status=status), status)
    return sip_status.failure(domain, event, False, logged_in)


# --- received


def respond(event: TextReceived, status: int, effects: Effects) -> None:
    """Answer a text that has come in."""
    tag = derived.tag("", event.name)
    effects.emit(SendResponse(event.name, event.head, status, _PHRASES[status], tag))
