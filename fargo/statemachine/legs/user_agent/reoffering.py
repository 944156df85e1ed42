"""Our offers in a call that is answered (`confirmed`, rules 1, 5, 8 and 9): which is due, and how it is sent."""

from msgspec.structs import replace

from fargo.statemachine.account import digest
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.user_agent import dialog, offer_answer, session_timer
from fargo.statemachine.legs.user_agent.phases import Confirmed, Doubted, OfferSent, SentRequest
from fargo.statemachine.model.sip_messages import Sdp, SendRequest


def pursued(leg: Confirmed, effects: Effects) -> Confirmed:
    """Offer what is wanted (rule 1), or tell where we are (rule 9), if need be and if nothing is under way."""
    if not isinstance(leg.exchange, Doubted | None):
        return leg
    if leg.keyless:
        leg = replace(leg, wanted=leg.session.ours)
    if leg.wanted == leg.session.ours:
        return refresh(leg, effects) if leg.moved is not None and can_be_refreshed(leg) else leg
    session, sdp = offer_answer.offer(leg.session, leg.wanted)
    return _offered(replace(leg, session=session), sdp, effects)


def _offered(leg: Confirmed, sdp: Sdp, effects: Effects) -> Confirmed:
    headers = replace(dialog.ABILITIES, session_expires=session_timer.asked(leg.timer))
    after, invite = dialog.request(leg.dialog, "INVITE", headers, sdp, contact=True)
    return _sent(replace(leg, dialog=after), invite, effects)


def _sent(leg: Confirmed, request: SendRequest, effects: Effects) -> Confirmed:
    sent = SentRequest(effects.emit_pending(request, None), request)
    return replace(leg, exchange=OfferSent(sent, leg.wanted, effects.at))


def refresh(leg: Confirmed, effects: Effects) -> Confirmed:
    """Refresh the session (rule 5)."""
    if not leg.dialog.updates:
        return _offered(leg, leg.session.sent, effects)
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
