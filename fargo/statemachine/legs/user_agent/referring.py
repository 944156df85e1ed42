"""A far end that asks us to call another in its place (REFER, RFC 3515), and what it is told of that.

Rules:

1. Only a call that is answered can be transferred. A REFER that cannot be had gets its refusal, and nothing else.
2. An accepted one is followed by notices (NOTIFY): at once, when the other rings, and at the end. A far end that wants
   none (RFC 4488) gets none.
3. Each notice has the number of its REFER, as there may be several in a dialog (RFC 3515 §2.4.6).
4. A transfer that has succeeded ends the call of the far end that asked for it. It hangs up, or we do once it has
   answered the last notice.
5. An end that knows nothing of Replaces (RFC 3891) takes an attended transfer for a call like any other, and rings once
   more. The far end that asks decides if it should: if it demands that Replaces is understood, it learns of the 420,
   and transfers in another way if it wants (RFC 5589 §7.5, §7.6).
6. A far end that hangs up before gets a last notice with what is known by then: the subscription does not outlive the
   call.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.address import BadAddress
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.referral import Referral
from fargo.statemachine.legs.user_agent import authentication, dialog, releasing
from fargo.statemachine.legs.user_agent.phases import Confirmed, Referred, UserAgentStep
from fargo.statemachine.legs.user_agent.refer_to import named, referred_by
from fargo.statemachine.legs.user_agent.responding import phrase, respond, unsupported
from fargo.statemachine.model.sip_messages import (
    SendRequest,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
)
from fargo.statemachine.model.sip_values import SipFragment, SipHeaders, SubscriptionState

_NEVER_LONGER: Final = 300
"""The seconds within which a transfer comes to its end, as the far end is told."""
_LONGEST_NOTICE: Final = 40.0
"""The seconds after which we hang up, if the last notice has no answer."""
_ACCEPTED: Final = 202
_TRYING: Final = 100
_OK: Final = 200


def referral(leg: Confirmed, event: SipRequestReceived) -> Referral | None:
    """Return what a REFER asks for; None if it is to be refused whatever it asks for, or the request is none."""
    head, headers = event.head, event.headers
    if head.method != "REFER" or headers.refer_to is None or unsupported(headers.require):
        return None
    if not dialog.is_about(leg.dialog, event):
        return None
    if leg.dialog.received is not None and head.cseq < leg.dialog.received:
        return None
    found = named(headers.refer_to, leg.access.trunk)
    if isinstance(found, BadAddress):
        return Referral(found, None, "")
    taken, by = found.replaces.text if found.replaces else None, referred_by(headers.referred_by, leg.dialog)
    return Referral(found.uri, taken, by, found.required)


def refuse(leg: Confirmed, event: SipRequestReceived, status: int, effects: Effects) -> Confirmed:
    """Refuse a REFER."""
    respond(leg.name, leg.access, event, status, effects)
    return replace(leg, dialog=dialog.heard(leg.dialog, event.head.cseq))


def accept(leg: Confirmed, event: SipRequestReceived, effects: Effects) -> Confirmed:
    """Accept a REFER, and say that the call is on its way."""
    headers = event.headers
    quiet = headers.refer_sub is False or "norefersub" in headers.require
    told = SipHeaders(refer_sub=False) if quiet else SipHeaders()
    respond(leg.name, leg.access, event, _ACCEPTED, effects, told, contact=True)
    heard = replace(leg, dialog=dialog.heard(leg.dialog, event.head.cseq))
    return _noticed(replace(heard, referred=Referred(event.head.cseq, quiet)), _TRYING, effects)


def rings(leg: Confirmed, effects: Effects) -> Confirmed:
    """Say that the other rings."""
    return _noticed(leg, 180, effects)


def failed(leg: Confirmed, status: int, effects: Effects, words: str | None = None) -> Confirmed:
    """Say that the other has not taken the call. The far end has its own call as before. ``words``: why, None if the
    status says it.
    """
    return replace(_noticed(leg, status, effects, words), referred=None)


def succeeded(leg: Confirmed, effects: Effects) -> Confirmed | None:
    """Say that the other has taken the call. Return None if nothing is to be said, or awaited."""
    told = _noticed(leg, _OK, effects)
    if told.referred is None or told.referred.last is None:
        return None
    return replace(told, referred=replace(told.referred, until=effects.at + _LONGEST_NOTICE))


def given_up(leg: Confirmed, effects: Effects) -> None:
    """Say what is known of a transfer when the far end hangs up (rule 6)."""
    referred = leg.referred
    if referred is None or referred.quiet or referred.until is not None:
        return
    _, notify = _notice(leg, referred.cseq, referred.status, True)
    effects.emit(notify)


def _noticed(leg: Confirmed, status: int, effects: Effects, words: str | None = None) -> Confirmed:
    referred = leg.referred
    if referred is None or referred.quiet:
        return leg
    ends = status >= _OK
    after, notify = _notice(leg, referred.cseq, status, ends, words)
    name = effects.emit_pending(notify, None)
    told = replace(referred, status=status, last=name if ends else None)
    return replace(leg, dialog=after, referred=told)


def _notice(
    leg: Confirmed, cseq: int, status: int, ends: bool, words: str | None = None
) -> tuple[dialog.Dialog, SendRequest]:
    active = SubscriptionState("active", expires=_NEVER_LONGER)
    state = SubscriptionState("terminated", "noresource") if ends else active
    headers = SipHeaders(event=f"refer;id={cseq}", subscription_state=state)
    return dialog.request(leg.dialog, "NOTIFY", headers, SipFragment(status, words or phrase(status)), contact=True)


# --- answers to notices


def is_notice(event: SipResponseReceived | SipRequestUndelivered, effects: Effects) -> bool:
    """Return True if an event answers a notice, or says that one was not delivered."""
    waiting = effects.pending.get(event.command)
    return waiting is not None and isinstance(waiting.command, SendRequest) and waiting.command.method == "NOTIFY"


def answered(leg: Confirmed, event: SipResponseReceived | SipRequestUndelivered, effects: Effects) -> UserAgentStep:
    """Handle what has become of a notice (`is_notice`). Whatever it is, the call of the far end goes on; but after the
    last notice of a transfer that has succeeded, we hang up (rule 4).
    """
    if isinstance(event, SipResponseReceived) and event.status < _OK:
        return leg, ()
    waiting = effects.pending[event.command].command
    assert isinstance(waiting, SendRequest), "it is a notice"
    effects.settle(event.command)
    referred = leg.referred
    if isinstance(event, SipResponseReceived) and (anew := authentication.answered(waiting, event, leg.access)):
        after, notify = dialog.again(leg.dialog, anew)
        name = effects.emit_pending(notify, None)
        was_last = referred is not None and referred.last == event.command
        told = replace(referred, last=name) if referred and was_last else referred
        return replace(leg, dialog=after, referred=told), ()
    if referred is None:
        return leg, ()
    if referred.until is not None and referred.last == event.command:
        return releasing.bye(leg, effects), ()
    if isinstance(event, SipResponseReceived) and event.status == 481:
        return replace(leg, referred=replace(referred, quiet=True)), ()
    return leg, ()
