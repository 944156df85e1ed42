"""The subscription to an account's mailbox (RFC 3842, RFC 6665), as our own user agent has it.

Rules:

1. A SUBSCRIBE goes where the account is registered, for the account's own address, and is challenged like a call
   (`authentication`). It is sent again well before the subscription ends, within its dialog. If that is refused, or the
   provider ends the subscription, a new one is begun.
2. A provider that has nothing to subscribe to says so (RFC 3261 §21.4, §21.5.2; 489). It is not asked again before the
   account is registered anew. One that fails is asked again after growing pauses, and not before it wants to be
   (Retry-After).
3. One SUBSCRIBE is under way at a time. The adapter reports silence, unless it was restarted.
4. If the way to us is lost, or leads to another address, the subscription is renewed with the registration.
5. It is not taken back: the next NOTIFY after its end is answered with 481, which ends it (RFC 6665 §4.1.3).
6. A NOTIFY is taken within the subscription, or within the registration without one, as many providers send it. One
   that says nothing new changes nothing.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.account import digest
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Access
from fargo.statemachine.legs.user_agent import authentication
from fargo.statemachine.legs.user_agent.responding import respond
from fargo.statemachine.model.mailbox import Subscription
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_messages import (
    SendRequest,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Endpoint, Party, SipHeaders

PACKAGE: Final = "message-summary"

# Seconds.
_LONGEST_ANSWER: Final = 64.0
_PAUSES: Final = (60.0, 300.0, 900.0, 3600.0)
_LONGEST_PAUSE: Final = 86_400.0
_LEAST: Final = 60.0
"""A subscription is not renewed sooner, even if it is granted for less."""
_RENEWED: Final = 0.85
"""The share of its time after which it is renewed."""
_MOST_TRIES: Final = 6
_MOST_SECONDS: Final = 86_400

_TOO_BRIEF: Final = 423
_MAY_PASS: Final = frozenset({408, 429, 480, 486, 487, 491, *range(500, 600)}) - {501, 505, 513}
_LASTING: Final = frozenset({Undelivered.CERTIFICATE, Undelivered.SECRET, Undelivered.UNSENDABLE})
_REFUSING: Final = frozenset({"rejected", "noresource", "invariant"})
"""The reasons with which a provider ends a subscription for good (RFC 6665 §4.1.3)."""


# --- sent


def begin(connection: str, access: Access, seen: Endpoint | None, effects: Effects) -> Subscription:
    """Subscribe to the mailbox of the account that is registered over this connection."""
    return _begun(Subscription(connection, "", seen=seen), access, effects)


def renew(known: Subscription, access: Access, seen: Endpoint | None, effects: Effects) -> Subscription:
    """Send the next SUBSCRIBE: it is due, or the way to us is another. One that was not answered has failed."""
    known = replace(known, seen=seen, cut=False)
    if known.request is not None:
        return _failed(known, effects.at, 0.0)
    if known.target is None:
        return _begun(known, access, effects)
    trunk = access.trunk
    assert trunk, "the core has the registrations of our own user agent"
    request = SendRequest(
        dialog=known.name,
        method="SUBSCRIBE",
        uri=known.target,
        call_id=derived.call_id(access.nonce, known.name),
        cseq=known.cseq + 1,
        sender=Party(str(trunk.own), derived.tag(access.nonce, known.name)),
        recipient=Party(str(trunk.own), known.remote),
        routes=known.routes,
        contact=True,
        headers=SipHeaders(expires=known.seconds, event=PACKAGE),
    )
    return _sent(known, request, effects)


def _begun(known: Subscription, access: Access, effects: Effects) -> Subscription:
    trunk, name = access.trunk, f"{known.connection}-{effects.next_id}"
    assert trunk, "the core has the registrations of our own user agent"
    request = SendRequest(
        dialog=name,
        method="SUBSCRIBE",
        uri=str(trunk.own),
        call_id=derived.call_id(access.nonce, name),
        cseq=1,
        sender=Party(str(trunk.own), derived.tag(access.nonce, name)),
        recipient=Party(str(trunk.own)),
        routes=trunk.routes,
        hop=trunk.hop,
        destination=trunk.registrar,
        contact=True,
        headers=SipHeaders(expires=known.seconds, event=PACKAGE),
    )
    fresh = Subscription(
        known.connection, name, seconds=known.seconds, failures=known.failures, seen=known.seen, cut=known.cut
    )
    return _sent(fresh, request, effects)


def _sent(known: Subscription, request: SendRequest, effects: Effects) -> Subscription:
    command = effects.emit(request)
    due = effects.at + _LONGEST_ANSWER
    return replace(known, command=command, request=request, cseq=request.cseq, due=due)


# --- answered


def answered(
    known: Subscription, event: SipResponseReceived | SipRequestUndelivered, access: Access, effects: Effects
) -> Subscription:
    """Return the subscription after an answer to its SUBSCRIBE, or after that could not be delivered."""
    request, at = known.request, effects.at
    if request is None or event.command != known.command:
        return known
    if isinstance(event, SipRequestUndelivered):
        return _none(known) if event.why in _LASTING else _failed(known, at, 0.0)
    if event.status < 200:
        return known
    if event.status < 300:
        return _accepted(known, request, event, at)
    anew = _anew(request, event, access) if known.tries < _MOST_TRIES else None
    if anew is not None:
        longer = anew.headers.expires or known.seconds
        tried = replace(known, tries=known.tries + 1, seconds=longer)
        return _sent(tried, replace(anew, cseq=known.cseq + 1), effects)
    if event.by_edge or event.status in _MAY_PASS:
        return _failed(known, at, float(event.headers.retry_after or 0))
    return _none(known) if known.target is None else _begun(known, access, effects)


def _anew(request: SendRequest, event: SipResponseReceived, access: Access) -> SendRequest | None:
    """Return a SUBSCRIBE in the form that the provider wants, None if that is not possible."""
    least = event.headers.min_expires or 0
    if event.status == _TOO_BRIEF and (request.headers.expires or 0) < least <= _MOST_SECONDS:
        longer = replace(request.headers, expires=least)
        return replace(request, headers=longer, credentials=digest.counted(request.credentials))
    return authentication.answered(request, event, access)


def _accepted(known: Subscription, request: SendRequest, event: SipResponseReceived, at: float) -> Subscription:
    seconds = known.seconds if event.headers.expires is None else event.headers.expires
    if not seconds:
        return _none(known)
    begins = known.target is None
    return replace(
        known,
        due=at + max(seconds * _RENEWED, _LEAST),
        command=None,
        request=None,
        tries=0,
        remote=event.remote_tag if begins else known.remote,
        target=event.contact or known.target or request.uri,
        routes=event.record_route[::-1] if begins else known.routes,
        failures=0,
    )


def _failed(known: Subscription, at: float, wait: float) -> Subscription:
    """Return what is left when there is no subscription: an attempt at a new one, after a pause (rule 2)."""
    pause = _PAUSES[min(known.failures, len(_PAUSES) - 1)]
    due = at + min(max(pause * (0.75 + 0.25 * (at % 1.0)), wait), _LONGEST_PAUSE)
    return Subscription(
        known.connection, known.name, due, seconds=known.seconds, failures=known.failures + 1, seen=known.seen
    )


def _none(known: Subscription) -> Subscription:
    return Subscription(known.connection, known.name)


# --- notified


def notified(
    known: Subscription | None, before: MessageSummary, event: SipRequestReceived, access: Access, effects: Effects
) -> tuple[Subscription | None, MessageSummary]:
    """Answer a NOTIFY. Return the subscription after it, and what is known of the mailbox, which was ``before``."""
    said = event.body if isinstance(event.body, MessageSummary) else before
    if known is None or event.leg != known.name:
        respond(event.leg, access, event, 200, effects)
        return known, said
    if event.head.method != "NOTIFY" or not _is_about(known, event, access):
        respond(event.leg, access, event, 481, effects)
        return known, before
    if event.head.cseq < known.heard:
        respond(event.leg, access, event, 500, effects)  # RFC 3261 §12.2.2
        return known, before
    respond(event.leg, access, event, 200, effects)
    heard = known if said == before else replace(known, heard=event.head.cseq)
    return _told(heard, event, effects.at), said


def _is_about(known: Subscription, event: SipRequestReceived, access: Access) -> bool:
    """Return True if a NOTIFY is from the far end of the subscription. It may come before the answer to our request."""
    own = derived.call_id(access.nonce, known.name)
    return event.head.call_id == own and known.remote in (None, event.remote_tag)


def _told(known: Subscription, event: SipRequestReceived, at: float) -> Subscription:
    """Return the subscription after a NOTIFY of it. It may say that this was the last one."""
    said = event.headers.subscription_state
    if said is None or said.state != "terminated" or known.target is None:
        return known
    if said.reason in _REFUSING:
        return _none(known)
    return _failed(replace(known, failures=0), at, float(said.retry_after or 0))
