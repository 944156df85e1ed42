"""A call that is answered: changes of the session, and its end (RFC 3261 §14, 15; RFC 3311; RFC 4028).

Rules:

1. What the other leg wants is kept (`wanted`). If the session is otherwise, and nothing is under way, a re-INVITE
   offers it. If the far end refuses, it stays as it was, and that is what is wanted then (RFC 3261 §14.1); but if
   nothing is left where the far end sends its audio, the call is over (`Confirmed.lost`).
2. There is one INVITE at a time in a dialog, in either direction. An offer that crosses one of ours is refused with
   491, and ours is repeated later if it met the same (`glare`).
3. An offer of the far end that cannot be had is refused with 488, and the call goes on as it was.
4. If the far end does not know the call any more, or our request can never be sent, the call is over (RFC 3261
   §12.2.1.2). If nothing is heard of it, audio may go on, so the offer is made again, three times in all. The call is
   also over if the session is not refreshed in time (`session_timer`), or our 2xx is not acknowledged.
5. A refresh of ours is an UPDATE without a description if the far end understands that, else a re-INVITE with the one
   that was agreed on. It is that, too, after an offer without a response, which may have been agreed to unheard.
6. After a restart of the gateway, the session is refreshed in the same way, unless the far end is heard of before.
7. If the far end offers video in a call without, its offer is answered when the other leg has said if it takes that,
   or after `_LONGEST_VIDEO` without. Video that is taken later is offered to the far end.
8. The keys of encrypted audio are not in the log. After a restart no description of ours can be sent in such a call:
   the session stays as it is, and ends where it would have to be refreshed with one.
9. If the call goes on at another edge (`Confirmed.moved`), the far end is told at once by a refresh, whose Contact it
   uses from then on (RFC 3261 §12.2.1.2), or by the offer that is due. That is tried until it succeeds. What was under
   way is asked anew, as a response would go to the old edge. So would the ACK to a 2xx of ours: if our answer was in
   it, it is waited for only shortly. A 2xx that is repeated because our ACK was lost goes there, too: the ACK is sent
   again.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import (
    Dtmf,
    Ended,
    LegEvents,
    TransportChanged,
    VideoAnswered,
    VideoEnded,
    VideoOffered,
    standing,
)
from fargo.statemachine.legs.user_agent import (
    authentication,
    dialog,
    glare,
    informing,
    offer_answer,
    referring,
    releasing,
    reoffering,
    secured,
    session_timer,
    sip_status,
    texts,
    unheard,
)
from fargo.statemachine.legs.user_agent.offer_answer import MediaSession, Ours
from fargo.statemachine.legs.user_agent.phases import (
    AckAwaited,
    Confirmed,
    Doubted,
    OfferDeferred,
    OfferSent,
    Releasing,
    UasReleasing,
    UserAgentStep,
    VideoAwaited,
)
from fargo.statemachine.legs.user_agent.responding import incompatible, respond, response
from fargo.statemachine.media.description import Codec, IceUdp, RawUdp
from fargo.statemachine.media.offer import CALLER_UNREACHABLE
from fargo.statemachine.model.sip_messages import (
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import OtherBody, Sdp, SipHeaders
from fargo.statemachine.reason import Cause, Reason

# Seconds.
LONGEST_ACK: Final = 32.0
"""RFC 3261 §13.3.1.4."""
_LONGEST_RESPONSE: Final = 180.0
_LONGEST_VIDEO: Final = 25.0
_ACK_TO_OTHER_EDGE: Final = 4.0
_DOUBT: Final = 8.0
"""Longer than the pauses at which phones repeat requests of the last few seconds (RFC 3261 §17.1.1.2)."""
_LONGEST_RETRY_AFTER: Final = 10

_IN_VAIN: Final = frozenset({Undelivered.SECRET, Undelivered.UNSENDABLE})
"""The reasons for which a request cannot be sent later either."""
_GONE: Final = Reason(Cause.HUNG_UP, texts.CALL_UNKNOWN)
_SILENT: Final = Reason(Cause.NETWORK, texts.NO_RESPONSE)
_NOT_CONFIRMED: Final = Reason(Cause.NETWORK, texts.NOT_CONFIRMED)
_KEYLESS: Final = Reason(Cause.NETWORK, texts.KEYS_LOST, ours=True)
_LATE_WITHOUT_AUDIO: Final = Reason(Cause.MEDIA, texts.LATE_ANSWER_WITHOUT_AUDIO)


# --- told by the bridge


def want(leg: Confirmed, wanted: Ours, effects: Effects) -> Confirmed:
    """Make our part of the session another one, if the far end agrees."""
    return reoffering.pursued(replace(leg, wanted=wanted), effects)


def hold(leg: Confirmed, holds: bool, effects: Effects) -> Confirmed:
    """Put the far end on hold, or take it off."""
    return want(leg, replace(leg.wanted, holds=holds), effects)


def move(leg: Confirmed, change: TransportChanged, effects: Effects) -> Confirmed:
    """Tell the far end that audio goes to another address, or that ICE begins anew (`secured`)."""
    if isinstance(change.transport, IceUdp):
        restarted = secured.moved(leg.wanted.local, change.transport)
        return want(leg, replace(leg.wanted, local=restarted), effects)
    if not isinstance(leg.wanted.local.transport, RawUdp):
        return leg
    local = replace(leg.wanted.local, transport=change.transport, crypto=change.crypto or leg.wanted.local.crypto)
    return want(replace(leg, lost=change.lost or leg.lost), replace(leg.wanted, local=local), effects)


def narrow(leg: Confirmed, codecs: tuple[Codec, ...], effects: Effects) -> Confirmed:
    """Tell the far end which of the settled codecs the other takes from now on."""
    local = offer_answer.left(leg.session, leg.wanted.local, codecs)
    return want(leg, replace(leg.wanted, local=local), effects)


def _given_up(leg: Confirmed, effects: Effects) -> Confirmed:
    """Refuse an offer of the far end that waits for its answer, as the call or the offer is over (RFC 3261 §15.1.2)."""
    if not isinstance(leg.exchange, VideoAwaited):
        return leg
    respond(leg.name, leg.access, leg.exchange.request, 487, effects)
    return replace(leg, exchange=None)


def hang_up(leg: Confirmed, effects: Effects) -> Releasing | UasReleasing:
    """End the call. A BYE must not overtake the ACK to our 2xx (RFC 3261 §15)."""
    leg = _given_up(leg, effects)
    match leg.exchange:
        case AckAwaited(head, since, first=True):
            return UasReleasing(leg.name, leg.access, leg.dialog, head, since)
        case _:
            return releasing.bye(leg, effects)


# --- where the call goes on


def moved(leg: Confirmed, effects: Effects) -> Confirmed:
    """Give up what we have under way, as the call goes on at another edge (rule 9). `resume` follows."""
    if isinstance(leg.exchange, OfferSent):
        effects.settle(leg.exchange.sent.command)
    for each in leg.invites:
        is_first = each.request.recipient.tag is None
        if not is_first or effects.at < leg.since + LONGEST_ACK:
            effects.emit(dialog.ack(leg.dialog, each.request, leg.access))
    is_ours = isinstance(leg.exchange, OfferSent | OfferDeferred | Doubted)
    return replace(leg, exchange=None if is_ours else leg.exchange, moved=effects.at)


def resume(leg: Confirmed, effects: Effects) -> Confirmed:
    """Go on after a restart of the gateway (rule 6). What is under way is sent again, and its outcome tells more."""
    leg = replace(leg, keyless=bool(leg.session.ours.local.crypto))
    if leg.moved is not None:
        return reoffering.pursued(leg, effects)
    if not isinstance(leg.exchange, Doubted | None) or not reoffering.can_be_refreshed(leg):
        return leg
    return replace(leg, exchange=Doubted(effects.at + _DOUBT))


# --- responses to our offers


def responded(leg: Confirmed, event: SipResponseReceived, effects: Effects) -> UserAgentStep:
    """Handle a response: to our offer, or a late one."""
    exchange = leg.exchange
    if referring.is_notice(event, effects):
        return referring.answered(leg, event, effects)
    if not isinstance(exchange, OfferSent) or event.command != exchange.sent.command:
        if (after := releasing.confirm(leg, event, effects)) is None:
            unheard.answered(event, effects)
        return after or leg, ()
    if event.status < 200:
        return leg, ()
    effects.settle(event.command)
    if event.status < 300:
        return _agreed(leg, exchange, event, effects)
    if event.status == 481:
        return releasing.gone(leg, effects), (Ended(_GONE),)
    if event.status == 408:
        return _unanswered(leg, exchange, effects) if event.by_edge else _lost(leg, effects)
    leg = replace(leg, unanswered=0)
    return _refused(leg, exchange, event, effects)


def undelivered(leg: Confirmed, event: SipRequestUndelivered, effects: Effects) -> UserAgentStep:
    """Handle that a request has no response. While the edge is being restarted, an offer is repeated later (rule 4)."""
    exchange = leg.exchange
    if referring.is_notice(event, effects):
        return referring.answered(leg, event, effects)
    if not isinstance(exchange, OfferSent) or event.command != exchange.sent.command:
        unheard.answered(event, effects)
        return leg, ()
    effects.settle(event.command)
    if event.why is Undelivered.EDGE:
        return replace(leg, exchange=OfferDeferred(effects.at + reoffering.NEXT_ATTEMPT)), ()
    if event.why is Undelivered.UNSENDABLE and leg.keyless:
        return _resigned(leg, exchange, effects)
    return _lost(leg, effects) if event.why in _IN_VAIN else _unanswered(leg, exchange, effects)


def _unanswered(leg: Confirmed, exchange: OfferSent, effects: Effects) -> UserAgentStep:
    again = reoffering.unanswered(leg, exchange, effects)
    return (again, ()) if again is not None else _lost(leg, effects)


def _lost(leg: Confirmed, effects: Effects) -> UserAgentStep:
    return releasing.bye(leg, effects), (Ended(_SILENT),)


def _agreed(leg: Confirmed, exchange: OfferSent, event: SipResponseReceived, effects: Effects) -> UserAgentStep:
    """Handle a 2xx to our re-INVITE or UPDATE. An answer that is of no use leaves the session as it was."""
    request = exchange.sent.request
    refreshed = dialog.refreshed(leg.dialog, event.contact, event.headers)
    timer = session_timer.agreed(event.headers, effects.at)
    leg = replace(leg, dialog=refreshed, timer=timer, exchange=None, moved=None, unanswered=0)
    if request.method != "INVITE":
        return reoffering.pursued(leg, effects), ()
    effects.emit(dialog.ack(leg.dialog, request, leg.access))
    leg = reoffering.with_invite(leg, exchange.sent)
    session = offer_answer.accepted(leg.session, exchange.wanted, event.body)
    if session is None:
        return _resigned(leg, exchange, effects)
    news = offer_answer.news(leg.session, session)
    session, wanted = offer_answer.settled(session, leg.wanted, exchange.wanted)
    after = informing.changed(leg, replace(leg, session=session, wanted=wanted, in_force=None), effects)
    return reoffering.pursued(after, effects), news


def _resigned(leg: Confirmed, exchange: OfferSent, effects: Effects) -> UserAgentStep:
    """Leave the session as it is, unless something else is wanted by now, or it cannot stay (rule 1)."""
    if leg.lost and exchange.wanted.local != leg.session.ours.local:
        return releasing.bye(replace(leg, exchange=None), effects), (Ended(leg.lost),)
    wanted = leg.session.ours if leg.wanted == exchange.wanted else leg.wanted
    news: LegEvents = ()
    if exchange.wanted.local.video is not None and leg.session.theirs.video is None:
        news, wanted = (VideoAnswered(None),), offer_answer.without_video(wanted)
    return reoffering.pursued(replace(leg, wanted=wanted, exchange=None), effects), news


def _refused(leg: Confirmed, exchange: OfferSent, event: SipResponseReceived, effects: Effects) -> UserAgentStep:
    """Handle that the far end refuses our offer, or wants to have it in another form, or later."""
    request = exchange.sent.request
    if (anew := authentication.answered(request, event, leg.access)) is not None:
        after, once_more = dialog.again(leg.dialog, anew)
        return reoffering.sent_anew(replace(leg, dialog=after), exchange, once_more, effects), ()
    smallest = event.headers.min_se
    if event.status == 422 and smallest and leg.timer and smallest > leg.timer.seconds:
        return reoffering.longer(leg, exchange, smallest, effects), ()
    if event.status == 491:
        return replace(leg, exchange=OfferDeferred(effects.at + glare.pause(leg.dialog, effects.at))), ()
    if event.status == 500 and event.headers.retry_after is not None:
        seconds = min(event.headers.retry_after, _LONGEST_RETRY_AFTER)
        return replace(leg, exchange=OfferDeferred(effects.at + seconds)), ()
    # Who has to know where we are may take a re-INVITE, whatever it has against the UPDATE.
    if request.method == "UPDATE" and (event.status in (405, 501) or (leg.moved is not None and not leg.keyless)):
        return reoffering.refresh(replace(leg, dialog=replace(leg.dialog, updates=False)), effects), ()
    if exchange.wanted == leg.session.ours:
        # It was a refresh. The session goes on until its end.
        return replace(leg, exchange=OfferDeferred(effects.at + reoffering.NEXT_ATTEMPT)), ()
    return _resigned(leg, exchange, effects)


# --- requests of the far end


def requested(leg: Confirmed, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle a request in the dialog. It has come to where we are, so the far end knows that."""
    if isinstance(leg.exchange, Doubted):
        leg = replace(leg, exchange=None)
    if leg.unanswered:
        leg = replace(leg, unanswered=0)
    if leg.moved is not None and not isinstance(leg.exchange, AckAwaited):
        leg = replace(leg, moved=None)
    match event.head.method:
        case "BYE":
            leg = _given_up(leg, effects)
            respond(leg.name, leg.access, event, 200, effects)
            referring.given_up(leg, effects)
            return releasing.gone(leg, effects), (Ended(sip_status.hung_up(event)),)
        case "INVITE" | "UPDATE":
            return _reoffered(leg, event, effects)
        case "INFO":
            return _informed(leg, event, effects)
        case "CANCEL" if isinstance(leg.exchange, VideoAwaited):
            respond(leg.name, leg.access, event, 200, effects)
            return _given_up(leg, effects), (VideoEnded(),)
        case "PRACK":
            # Our answer may have crossed the acknowledgement that the client rings.
            crossed = isinstance(leg.exchange, AckAwaited) and leg.exchange.first
            respond(leg.name, leg.access, event, 200 if crossed else 481, effects)
            return leg, ()
        case _:
            respond(leg.name, leg.access, event, 200, effects, dialog.ABILITIES)
            return leg, ()


def _informed(leg: Confirmed, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle an INFO: a key that was pressed, or something that we do not understand (RFC 6086 §4.2.2)."""
    if event.digit is not None:
        respond(leg.name, leg.access, event, 200, effects)
        return leg, (Dtmf(event.digit, event.duration),)
    empty = not isinstance(event.body, OtherBody) or not event.body.length
    respond(leg.name, leg.access, event, 200 if empty else 415, effects)
    return leg, ()


def _reoffered(leg: Confirmed, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Answer a re-INVITE or UPDATE (rules 2 and 3). Without a description, an INVITE asks for our offer, and an UPDATE
    only refreshes (RFC 3311 §5.1).
    """
    headers, sdp = event.headers, event.body if isinstance(event.body, Sdp) else None
    invites = event.head.method == "INVITE"
    if session_timer.is_too_small(headers):
        respond(leg.name, leg.access, event, 422, effects, SipHeaders(min_se=session_timer.SMALLEST))
        return leg, ()
    if (invites or sdp) and _is_crossed(leg, invites):
        respond(leg.name, leg.access, event, 491, effects)
        return leg, ()
    if (invites or sdp) and leg.keyless:
        respond(leg.name, leg.access, event, 488, effects, incompatible(texts.KEYS_LOST))
        return leg, ()
    video = offer_answer.video_offered(leg.session, leg.wanted, sdp) if invites else None
    if video is not None and not isinstance(leg.exchange, AckAwaited):
        return replace(leg, exchange=VideoAwaited(event, effects.at)), (VideoOffered(video),)
    return described(leg, event, effects)


def described(leg: Confirmed, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Answer a re-INVITE or UPDATE that nothing stands in the way of."""
    headers, sdp = event.headers, event.body if isinstance(event.body, Sdp) else None
    invites = event.head.method == "INVITE"
    session = offer_answer.answer(leg.session, leg.wanted, sdp) if sdp else _asked(leg, invites)
    if session is None:
        respond(leg.name, leg.access, event, 488, effects, incompatible(offer_answer.why_not(leg.session, sdp)))
        return leg, ()
    timer = session_timer.accept(headers, effects.at)
    refreshed = dialog.refreshed(leg.dialog, event.contact, headers)
    news = offer_answer.news(leg.session, session)
    session, wanted = offer_answer.settled(session, leg.wanted, leg.wanted) if sdp else (session, leg.wanted)
    before = None if sdp else reoffering.in_force(leg)
    changed = replace(leg, dialog=refreshed, session=session, timer=timer, wanted=wanted, in_force=before)
    return _answered(informing.changed(leg, changed, effects), event, sdp, effects), news


def _is_crossed(leg: Confirmed, invites: bool) -> bool:
    """Return True if an offer of ours has no answer, or a re-INVITE of ours no final response."""
    match leg.exchange:
        case OfferSent(sent):
            return sent.request.body is not None
        case AckAwaited(offer=Sdp()):
            return not invites
        case VideoAwaited():
            return True
        case AckAwaited() | OfferDeferred() | Doubted() | None:
            return False
        case _:
            assert_never(leg.exchange)


def _asked(leg: Confirmed, invites: bool) -> MediaSession:
    """Return the session after a request without a description; an INVITE asks for our offer."""
    return offer_answer.offer(leg.session, leg.wanted)[0] if invites else leg.session


def _answered(leg: Confirmed, event: SipRequestReceived, offered: Sdp | None, effects: Effects) -> Confirmed:
    """Send the 2xx. That to an INVITE has to be acknowledged; it settles an earlier one that was not."""
    expires, require = session_timer.told(leg.timer)
    headers = replace(dialog.ABILITIES, session_expires=expires, require=require)
    invites = event.head.method == "INVITE"
    sdp = leg.session.sent if invites or offered else None
    ok = response(leg.name, leg.access, event.head, 200, headers, sdp, contact=True)
    if not invites:
        effects.emit(ok)
        return leg
    unheard.forget(leg.name, effects)
    unheard.accept(ok, effects)
    awaited = AckAwaited(event.head, effects.at, False, None if offered else sdp, leg.wanted)
    return replace(leg, exchange=awaited)


def acknowledged(leg: Confirmed, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle the ACK to our 2xx, which has the answer if the 2xx had our offer."""
    awaited = leg.exchange
    if not isinstance(awaited, AckAwaited) or awaited.head.cseq != event.head.cseq:
        return leg, ()
    settled, session = replace(leg, exchange=None), leg.session
    if awaited.offer is not None:
        found = offer_answer.accepted(leg.session, awaited.wanted or leg.wanted, event.body)
        if found is None and awaited.first:
            answer = event.body if isinstance(event.body, Sdp) else None
            reason = CALLER_UNREACHABLE if offer_answer.is_unreachable(answer) else _LATE_WITHOUT_AUDIO
            return releasing.bye(settled, effects), (Ended(reason),)
        session, settled = found or session, replace(settled, in_force=None if found else leg.in_force)
    news = offer_answer.news(leg.session, session)
    if awaited.first:
        news = (*news, *_since_answer(leg))
    wanted = leg.wanted
    if awaited.offer is not None:
        session, wanted = offer_answer.settled(session, wanted, awaited.wanted or wanted)
    settled = informing.changed(leg, replace(settled, session=session, wanted=wanted), effects)
    return reoffering.pursued(settled, effects), news


def _since_answer(leg: Confirmed) -> LegEvents:
    """Return what the bridge could not be told while the client answered."""
    return standing(leg.session.held, leg.session.flow)


# --- waiting


def deadline(leg: Confirmed) -> Deadline | None:
    """Return by when the leg must have moved on; None if it may stay as it is."""
    due = informing.sooner(leg, _of_exchange(leg))
    until = leg.referred.until if leg.referred else None
    if until is None or (due is not None and due.at <= until):
        return due
    return Deadline(texts.LAST_NOTICE, until)


def _of_exchange(leg: Confirmed) -> Deadline | None:
    match leg.exchange:
        case OfferSent(since=since):
            return Deadline(texts.CHANGE_ANSWERED, since + _LONGEST_RESPONSE)
        case OfferDeferred(until):
            return Deadline(texts.NEXT_ATTEMPT, until)
        case Doubted(until):
            return Deadline(texts.REFRESH, until)
        case AckAwaited(since=since):
            longest = since + LONGEST_ACK
            return Deadline(texts.CONFIRMATION, min(longest, _taken_for_confirmed(leg) or longest))
        case VideoAwaited(since=since):
            return Deadline(texts.VIDEO_ANSWERED, since + _LONGEST_VIDEO)
        case None:
            return Deadline(texts.REFRESH, session_timer.due(leg.timer)) if leg.timer else None
        case _:
            assert_never(leg.exchange)


def _taken_for_confirmed(leg: Confirmed) -> float | None:
    """Return when the ACK to our answer is no longer waited for, as it has gone to another edge (rule 9); None if it is
    indispensable.
    """
    awaits_no_answer = isinstance(leg.exchange, AckAwaited) and leg.exchange.offer is None
    return leg.moved + _ACK_TO_OTHER_EDGE if leg.moved is not None and awaits_no_answer else None


def expire(leg: Confirmed, effects: Effects) -> UserAgentStep:
    """Do what is due, as the leg's deadline has come."""
    if leg.referred and leg.referred.until is not None and leg.referred.until <= effects.at:
        return releasing.bye(leg, effects), ()
    if leg.picture is not None and leg.picture <= effects.at:
        return informing.ask_for_picture(leg, effects), ()
    match leg.exchange:
        case OfferSent():
            return _lost(leg, effects)
        case OfferDeferred():
            return reoffering.pursued(replace(leg, exchange=None), effects), ()
        case Doubted():
            return reoffering.refresh(leg, effects), ()
        case AckAwaited(first=first) if _taken_for_confirmed(leg) is not None:
            unheard.forget(leg.name, effects)
            news = _since_answer(leg) if first else ()
            return reoffering.pursued(replace(leg, exchange=None), effects), news
        case AckAwaited():
            return releasing.bye(leg, effects), (Ended(_NOT_CONFIRMED),)
        case VideoAwaited(request):
            after, more = described(replace(leg, exchange=None), request, effects)
            return after, (VideoEnded(), *more)
        case None:
            if leg.timer is None:
                return leg, ()
            if session_timer.end(leg.timer) <= effects.at:
                return _lost(leg, effects)
            if not reoffering.can_be_refreshed(leg):
                return releasing.bye(leg, effects), (Ended(_KEYLESS),)
            return reoffering.refresh(leg, effects), ()
        case _:
            assert_never(leg.exchange)
