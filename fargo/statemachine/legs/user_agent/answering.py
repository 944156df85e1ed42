"""The answer to a call that has come in: when the other end takes the call, or can be heard before.

Rules:

1. The caller's offer is answered in the 2xx. If the INVITE has no offer, the 2xx has ours (RFC 3261 §13.2.1).
2. A caller hears another end that has not answered (RFC 3960) by a 183 with the answer to its offer. A caller that
   demands reliable provisional responses gets that one reliably, once it has acknowledged the response before (RFC 3262
   §3).
3. There is one answer to an offer, so the 2xx has the same as the 183. What the other end wants otherwise by then, a
   re-INVITE tells.
4. The 2xx waits until a reliable 183 is acknowledged (RFC 3262 §3). What the other end wants meanwhile is kept.
5. Early audio of another phone, after that of the first, is not heard: the caller has its answer.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import TransportChanged
from fargo.statemachine.legs.user_agent import dialog, informing, offer_answer, session_timer, unheard
from fargo.statemachine.legs.user_agent.offer_answer import MediaSession, Ours
from fargo.statemachine.legs.user_agent.phases import (
    AckAwaited,
    Confirmed,
    EarlyAnswer,
    ReliableRinging,
    UasProceeding,
)
from fargo.statemachine.legs.user_agent.responding import response
from fargo.statemachine.media.description import Description, RawUdp
from fargo.statemachine.model.sip_values import SipHeaders

_FIRST_RSEQ: Final = 1


# --- provisional responses


def is_reliable(leg: UasProceeding) -> bool:
    """Return True if the caller demands reliable provisional responses."""
    return "100rel" in leg.headers.require


def is_unacknowledged(leg: UasProceeding) -> bool:
    """Return True if the caller has not acknowledged a reliable provisional response."""
    return leg.reliable is not None and leg.reliable.since is not None


def reliably(leg: UasProceeding, status: int, effects: Effects, session: MediaSession | None = None) -> UasProceeding:
    """Send a reliable provisional response, with the answer to the caller's offer if there is a session."""
    rseq = leg.reliable.rseq + 1 if leg.reliable else _FIRST_RSEQ
    headers = replace(dialog.ABILITIES, require=("100rel",), rseq=rseq)
    sdp = session.sent if session else None
    unheard.accept(response(leg.name, leg.access, leg.head, status, headers, sdp, contact=True), effects)
    return replace(leg, reliable=ReliableRinging(rseq, effects.at))


def let_hear(leg: UasProceeding, description: Description, effects: Effects) -> UasProceeding:
    """Let the caller hear an end that has not answered (rule 2). Its offer has no answer, or one already (rule 5)."""
    assert leg.sdp, "it has made an offer"
    if leg.early is not None:
        return leg
    session = offer_answer.first_answer(leg.sdp, description)
    waits = is_unacknowledged(leg)
    return _told(replace(leg, early=EarlyAnswer(session, waits)), effects)


def _told(leg: UasProceeding, effects: Effects) -> UasProceeding:
    assert leg.early, "the caller is let hear something"
    if leg.early.waits:
        return leg
    if is_reliable(leg):
        return reliably(leg, 183, effects, leg.early.session)
    effects.emit(response(leg.name, leg.access, leg.head, 183, dialog.ABILITIES, leg.early.session.sent, contact=True))
    return leg


def tell_again(leg: UasProceeding, effects: Effects) -> None:
    """Tell the caller once more what it can hear, as it may not have been told. A reliable response is repeated by
    itself.
    """
    if leg.early and not is_reliable(leg):
        _told(leg, effects)


def acknowledged(leg: UasProceeding, effects: Effects) -> UasProceeding | Confirmed:
    """Go on after the caller has acknowledged a reliable provisional response (rules 2 and 4)."""
    early = leg.early
    if early is None:
        return leg
    if early.taken:
        return _confirmed(leg, early.session, early.taken, effects)
    return _told(replace(leg, early=replace(early, waits=False)), effects) if early.waits else leg


# --- the answer


def accept(leg: UasProceeding, description: Description, effects: Effects) -> UasProceeding | Confirmed:
    """Answer the call with the codecs and addresses of a description (rule 1)."""
    early = leg.early
    if early is None:
        session = offer_answer.first_answer(leg.sdp, description) if leg.sdp else offer_answer.late_offer(description)
        return _confirmed(leg, session, session.ours, effects)
    assert leg.sdp, "its offer has an answer"
    final = offer_answer.first_answer(leg.sdp, description)
    session = replace(early.session, theirs=final.theirs)
    if early.waits:
        return _confirmed(leg, final, final.ours, effects)
    if is_unacknowledged(leg):
        return replace(leg, early=EarlyAnswer(session, taken=final.ours))
    return _confirmed(leg, session, final.ours, effects)


def hold(leg: UasProceeding, holds: bool) -> UasProceeding:
    """Keep that the other end holds, or does not any more, until the caller can be told (rule 4)."""
    if not (leg.early and leg.early.taken):
        return leg
    return replace(leg, early=replace(leg.early, taken=replace(leg.early.taken, holds=holds)))


def move(leg: UasProceeding, change: TransportChanged) -> UasProceeding:
    """Keep where the other end is, until the caller can be told (rule 4)."""
    if not (leg.early and leg.early.taken and isinstance(change.transport, RawUdp)):
        return leg
    local = leg.early.taken.local
    if not isinstance(local.transport, RawUdp):
        return leg
    moved = replace(local, transport=change.transport, crypto=change.crypto or local.crypto)
    return replace(leg, early=replace(leg.early, taken=replace(leg.early.taken, local=moved)))


def _confirmed(leg: UasProceeding, session: MediaSession, wanted: Ours, effects: Effects) -> Confirmed:
    """Send the 2xx. ``wanted``: what the other end wants the session to be, which a re-INVITE tells if it differs."""
    unheard.forget(leg.name, effects)
    timer = session_timer.accept(leg.headers, effects.at)
    expires, require = session_timer.told(timer)
    headers: SipHeaders = replace(dialog.ABILITIES, session_expires=expires, require=require)
    unheard.accept(response(leg.name, leg.access, leg.head, 200, headers, session.sent, contact=True), effects)
    awaited = AckAwaited(leg.head, effects.at, True, session.sent if leg.sdp is None else None, session.ours)
    after = Confirmed(leg.name, leg.access, leg.dialog, session, wanted, effects.at, exchange=awaited, timer=timer)
    return replace(after, picture=informing.picture_due(session, effects.at))
