"""The end of an answered call: BYE, and what may still come after it.

Rules:

1. A BYE is repeated until it is heard (`unheard`); only then nothing is left of the call.
2. For some time after the answer, other phones that the call was forked to may answer, too (RFC 3261 §13.2.2.4). Each
   of their 2xx gets an ACK, and a BYE, also if the call has ended by then.
3. A 2xx to an INVITE that was answered before gets its ACK again.
"""

from typing import Final, TypeVar

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Access, Over
from fargo.statemachine.legs.user_agent import authentication, dialog, unheard
from fargo.statemachine.legs.user_agent.dialog import Dialog
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    OfferSent,
    Releasing,
    SentRequest,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UasReleasing,
    UserAgentStep,
)
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestUndelivered, SipResponseReceived

_FORKED: Final = 32.0
"""The seconds within which further phones may answer (RFC 3261 §13.2.2.4)."""
_MOST_FORKS: Final = 16
"""The number of further phones whose dialogs are kept."""
_Answered = TypeVar("_Answered", Confirmed, Releasing, Lingering)


def bye(leg: Confirmed, effects: Effects) -> Releasing:
    """Hang up. A re-INVITE that is under way may yet get a 2xx."""
    unheard.forget(leg.name, effects)
    sent = leg.exchange.sent if isinstance(leg.exchange, OfferSent) else None
    invites = (*leg.invites, sent) if sent and sent.request.method == "INVITE" else leg.invites
    return say(leg.name, leg.access, leg.dialog, invites, _linger(leg), leg.forks, effects)


def say(
    name: str,
    access: Access,
    of: Dialog,
    invites: tuple[SentRequest, ...],
    linger: float | None,
    forks: tuple[Dialog, ...],
    effects: Effects,
) -> Releasing:
    """Send the BYE of a dialog."""
    after, request = dialog.request(of, "BYE")
    unheard.say(request, effects)
    return Releasing(name, access, after, effects.at, invites, linger, forks)


def say_at_once(
    leg: UacProceeding | UacCalling | UacCancelling, of: Dialog, forks: tuple[Dialog, ...], effects: Effects
) -> Releasing:
    """Send the BYE of a call of ours that has been answered just now. ``forks``: see `Confirmed`."""
    linger = effects.at + _FORKED if forks else None
    return say(leg.name, leg.access, of, (leg.invite,), linger, forks, effects)


def over(leg: Releasing, effects: Effects) -> Lingering | Over:
    """Return what is left of a call that has ended for both (rule 2)."""
    return _left(leg, leg.linger, effects)


def gone(leg: Confirmed, effects: Effects) -> Lingering | Over:
    """Return what is left of a call that the far end has ended."""
    return _left(leg, _linger(leg), effects)


def _left(leg: Confirmed | Releasing, linger: float | None, effects: Effects) -> Lingering | Over:
    unheard.forget(leg.name, effects)
    if linger is None or linger <= effects.at:
        return Over()
    return Lingering(leg.name, leg.access, leg.dialog, leg.invites, linger, leg.forks)


def _linger(leg: Confirmed) -> float | None:
    return leg.since + _FORKED if leg.forks else None


def confirmed(leg: UasReleasing, effects: Effects) -> Releasing:
    """Hang up, as the caller has acknowledged our 2xx, or will never do so."""
    unheard.forget(leg.name, effects)
    return say(leg.name, leg.access, leg.dialog, (), None, (), effects)


def crossed(leg: Releasing, effects: Effects) -> Lingering | Over:
    """Return what is left after a BYE that has crossed ours."""
    unheard.settle_bye(leg.dialog.remote, effects)
    return over(leg, effects)


def responded(leg: Releasing, event: SipResponseReceived | SipRequestUndelivered, effects: Effects) -> UserAgentStep:
    """Handle a response: that to our BYE, or a late one."""
    if isinstance(event, SipResponseReceived) and (after := confirm(leg, event, effects)):
        return after, ()
    ours = _is_own(leg, event, effects)
    if ours and isinstance(event, SipResponseReceived) and _challenged(leg, event, effects):
        return leg, ()
    if unheard.answered(event, effects) and ours:
        return over(leg, effects), ()
    return leg, ()


def _is_own(leg: Releasing, event: SipResponseReceived | SipRequestUndelivered, effects: Effects) -> bool:
    """Return True if the event is about the BYE of the call, and not that to another phone."""
    waiting = effects.pending.get(event.command)
    said = waiting.command if waiting else None
    return isinstance(said, SendRequest) and said.method == "BYE" and said.recipient == leg.dialog.remote


def _challenged(leg: Releasing, event: SipResponseReceived, effects: Effects) -> bool:
    """Answer the challenge to our BYE, if it may be answered. Return True if it was."""
    command = effects.pending[event.command].command
    assert isinstance(command, SendRequest)
    anew = authentication.answered(command, event, leg.access)
    if anew is None:
        return False
    effects.settle(event.command)
    unheard.say(replace(anew, cseq=command.cseq + 1, repeats=None), effects)
    return True


def confirm(leg: _Answered, event: SipResponseReceived, effects: Effects) -> _Answered | None:
    """Send the ACK for a further 2xx to an INVITE that was answered before (rules 2 and 3). Return None if the response
    was no such one.
    """
    for invite in leg.invites:
        if event.command == invite.command and event.method == "INVITE" and 200 <= event.status < 300:
            if event.remote_tag != leg.dialog.remote.tag:
                return _refused(leg, invite, event, effects)
            effects.emit(dialog.ack(leg.dialog, invite.request, leg.access))
            return leg
    return None


def _refused(leg: _Answered, invite: SentRequest, event: SipResponseReceived, effects: Effects) -> _Answered:
    """End the call of a phone whose answer is not wanted: confirm it, and hang up, unless that is under way."""
    begun = dialog.begun_by_answer(leg.name, invite.request, leg.forks, event)
    effects.emit(dialog.ack(begun, invite.request, leg.access))
    if invite.request.recipient.tag is not None or unheard.is_ending(begun.remote, effects):
        return leg
    after, request = dialog.request(begun, "BYE")
    unheard.say(request, effects)
    return replace(leg, forks=_with(leg.forks, after))


def _with(forks: tuple[Dialog, ...], changed: Dialog) -> tuple[Dialog, ...]:
    return (*(each for each in forks if each.remote != changed.remote), changed)[-_MOST_FORKS:]
