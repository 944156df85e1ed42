"""Our offers in a call that is answered (`confirmed`, rules 1, 4, 5, 8 and 9): which is due, and how it is sent."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.account import digest
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.user_agent import dialog, offer_answer, session_timer
from fargo.statemachine.legs.user_agent.phases import Confirmed, Doubted, OfferDeferred, OfferSent, SentRequest
from fargo.statemachine.model.sip_messages import SendRequest
from fargo.statemachine.model.sip_values import Sdp

NEXT_ATTEMPT: Final = 10.0
"""Seconds until an offer is made again that was not responded to, or a refresh that was refused."""
_MOST_UNANSWERED: Final = 3


def pursued(leg: Confirmed, effects: Effects) -> Confirmed:
    """Offer what is wanted (rule 1), or tell where we are (rule 9), or learn if the far end is there (rule 4), if need
    be and if nothing is under way.
    """
    if not isinstance(leg.exchange, Doubted | None):
        return leg
    if leg.keyless:
        leg = replace(leg, wanted=leg.session.ours)
    if leg.wanted == leg.session.ours:
        needed = leg.moved is not None or leg.unanswered
        return refresh(leg, effects) if needed and can_be_refreshed(leg) else leg
    session, sdp = offer_answer.offer(leg.session, leg.wanted)
    return _offered(replace(leg, session=session, in_force=in_force(leg)), sdp, effects)


def in_force(leg: Confirmed) -> Sdp:
    """Return our description that counts until another is agreed to."""
    return leg.in_force or leg.session.sent


def _offered(leg: Confirmed, sdp: Sdp, effects: Effects) -> Confirmed:
    headers = replace(dialog.ABILITIES, session_expires=session_timer.asked(leg.timer))
    after, invite = dialog.request(leg.dialog, "INVITE", headers, sdp, contact=True)
    return _sent(replace(leg, dialog=after), invite, effects)


def _sent(leg: Confirmed, request: SendRequest, effects: Effects) -> Confirmed:
    sent = SentRequest(effects.emit_pending(request, None), request)
    return replace(leg, exchange=OfferSent(sent, leg.wanted, effects.at))


def refresh(leg: Confirmed, effects: Effects) -> Confirmed:
    """Refresh the session (rule 5). An offer that was not responded to may have been agreed to, so it is taken back."""
    if leg.unanswered and leg.in_force is not None and not leg.keyless:
        # Not the description itself: the far end may have taken one with another stream, which has to stay.
        session, sdp = offer_answer.offer(leg.session, leg.session.ours)
        return _offered(replace(leg, session=session), sdp, effects)
    if not leg.dialog.updates:
        session, sdp = offer_answer.said(leg.session, in_force(leg))
        return _offered(replace(leg, session=session), sdp, effects)
    headers = replace(dialog.ABILITIES, session_expires=session_timer.asked(leg.timer))
    after, update = dialog.request(leg.dialog, "UPDATE", headers, contact=True)
    return _sent(replace(leg, dialog=after), update, effects)


def can_be_refreshed(leg: Confirmed) -> bool:
    """Return True if a refresh can be sent: one with a description takes keys that are not in the log (rule 8)."""
    return leg.dialog.updates or not leg.keyless


def longer(leg: Confirmed, exchange: OfferSent, seconds: int, effects: Effects) -> Confirmed:
    """Repeat an offer with a longer interval of the session timer (RFC 4028 §7.4)."""
    assert leg.timer
    timer = replace(leg.timer, seconds=seconds)
    request = exchange.sent.request
    headers = replace(request.headers, session_expires=session_timer.asked(timer), min_se=seconds)
    timed = replace(request, headers=headers, credentials=digest.counted(request.credentials))
    after, once_more = dialog.again(leg.dialog, timed)
    return sent_anew(replace(leg, dialog=after, timer=timer), exchange, once_more, effects)


def sent_anew(leg: Confirmed, exchange: OfferSent, request: SendRequest, effects: Effects) -> Confirmed:
    """Send an offer once more, in another form."""
    sent = SentRequest(effects.emit_pending(request, None), request)
    return replace(leg, exchange=replace(exchange, sent=sent))


def unanswered(leg: Confirmed, exchange: OfferSent, effects: Effects) -> Confirmed | None:
    """Make an offer again later that the far end has not responded to (rule 4); None if that was the last attempt. A
    2xx to it that comes late gets its ACK.
    """
    count = leg.unanswered + 1
    if count == _MOST_UNANSWERED:
        return None
    deferred = replace(leg, unanswered=count, exchange=OfferDeferred(effects.at + NEXT_ATTEMPT))
    return with_invite(deferred, exchange.sent)


def with_invite(leg: Confirmed, sent: SentRequest) -> Confirmed:
    """Keep a re-INVITE of ours in place of the one before (`Confirmed.invites`)."""
    if sent.request.method != "INVITE":
        return leg
    first = tuple(each for each in leg.invites if each.request.recipient.tag is None)
    return replace(leg, invites=(*first, sent))
