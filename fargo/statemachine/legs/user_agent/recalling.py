"""A call that we placed, and that goes on at another edge before it is answered: it is placed anew.

Rules:

1. All responses to an INVITE go to the address in its Via (RFC 3261 §18.2.2), and the edge there is gone: nobody would
   hear that the call is answered. A CANCEL would have to come from there, too (§9.1). So the phones that have responded
   are told by a BYE in their early dialogs that the call has ended (§15), and ring once more.
2. The new call has a Call-ID of its own: no server takes it for the old one. It is placed when the phones have heard of
   the end of the old one, as some take only one call at a time, or shortly after they should have.
3. It rings no longer than the old one would have. Keys of encrypted audio are lost, so such a call ends.
4. A call that was being cancelled is only ended.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Ended
from fargo.statemachine.legs.sip.phases import Over
from fargo.statemachine.legs.user_agent import authentication, caller, dialog, texts, unheard
from fargo.statemachine.legs.user_agent.dialog import Dialog
from fargo.statemachine.legs.user_agent.phases import (
    SentRequest,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UacRecalling,
    UserAgentStep,
)
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestUndelivered, SipResponseReceived
from fargo.statemachine.reason import Cause, Reason

_LONGEST_GOODBYE: Final = 3.0
"""The seconds after which the call is placed, even if a phone has not confirmed the end of the old one."""
_KEYS_LOST: Final = Reason(Cause.NETWORK, texts.KEYS_LOST, ours=True)
_NOT_ANSWERED: Final = Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED)


def begin(leg: UacCalling | UacProceeding, effects: Effects) -> UserAgentStep:
    """End the old call (rule 1)."""
    early = _say_goodbye(leg, effects)
    if leg.offer.crypto:
        return Over(), (Ended(_KEYS_LOST),)
    until = effects.at + _LONGEST_GOODBYE
    return UacRecalling(leg.name, leg.access, leg.invite, leg.domain, leg.offer, leg.since, until, early), ()


def give_up(leg: UacCancelling, effects: Effects) -> UserAgentStep:
    """End a call that was being cancelled (rule 4)."""
    _say_goodbye(leg, effects)
    return Over(), ()


def _say_goodbye(leg: UacCalling | UacProceeding | UacCancelling, effects: Effects) -> tuple[Dialog, ...]:
    """Send a BYE to each phone that has responded. Return the dialogs after it."""
    unheard.forget(leg.name, effects)
    return tuple(_ended(each, effects) for each in caller.dialogs(leg))


def _ended(early: Dialog, effects: Effects) -> Dialog:
    after, bye = dialog.request(early, "BYE")
    unheard.say(bye, effects)
    return after


def abandon(leg: UacRecalling, effects: Effects) -> None:
    """See that each phone hears that the call has ended, even if a bug has lost what told it."""
    for each in leg.early:
        if not unheard.is_ending(each.remote, effects):
            _ended(each, effects)


def go_on(leg: UacRecalling, effects: Effects) -> UacRecalling | UacCalling:
    """Place the call, unless a phone has yet to hear of the end of the old one (rule 2)."""
    return leg if leg.early else _placed(leg, effects)


def _placed(leg: UacRecalling, effects: Effects) -> UacCalling:
    call_id = derived.call_id(leg.access.nonce, effects.next_id)
    request = replace(leg.invite.request, dialog=leg.name, call_id=call_id, cseq=1, credentials=())
    invite = SentRequest(effects.emit_pending(request, None), request)
    return UacCalling(leg.name, leg.access, invite, leg.domain, leg.offer, leg.since)


def heard(
    leg: UacRecalling, event: SipResponseReceived | SipRequestUndelivered, effects: Effects
) -> UacRecalling | UacCalling:
    """Handle what has become of a BYE."""
    waiting = effects.pending.get(event.command)
    request = waiting.command if waiting else None
    if isinstance(event, SipResponseReceived) and isinstance(request, SendRequest) and event.status >= 200:
        anew = authentication.answered(request, event, leg.access)
        if anew is not None:
            effects.settle(event.command)
            unheard.say(replace(anew, cseq=request.cseq + 1, repeats=None), effects)
            return leg
    if unheard.answered(event, effects) and isinstance(request, SendRequest):
        leg = replace(leg, early=tuple(each for each in leg.early if each.remote != request.recipient))
    return go_on(leg, effects)


def due(leg: UacRecalling) -> float:
    """Return when the leg goes on whatever it has heard."""
    return min(leg.until, leg.since + leg.access.ring_seconds)


def expire(leg: UacRecalling, effects: Effects) -> UserAgentStep:
    """Place the call, or end it if it has taken too long (rule 3)."""
    if leg.since + leg.access.ring_seconds <= effects.at:
        return Over(), (Ended(_NOT_ANSWERED),)
    return _placed(leg, effects), ()
