"""A call that we placed, until it is answered (RFC 3261 §13.2, RFC 3262).

Rules:

1. The INVITE goes to the account's own server, whoever is called, unless the operator wants calls to other domains to
   go there directly (`Line.direct`). If the server challenges it, or wants a longer session timer, it is sent once more
   as part of the same call: with the same Call-ID and From tag, and the next number.
2. The first 2xx is the answer; each further one comes from another phone (`releasing`).
3. A reliable provisional response (RFC 3262) gets a PRACK. One that came too early is ignored: it will be repeated.
4. The audio that a phone describes before it answers is kept, and counts if its answer describes none.
   The other leg is told of it if the operator wants that: at once, or if nothing else has come within 3 s.
5. A call that is cancelled may be answered all the same: the answer gets an ACK, and a BYE.
6. If the server says that it has nothing to cancel, it may have forgotten the INVITE, for it was restarted. The INVITE
   is repeated once, as part of its transaction, which no phone takes for a new call, and cancelled again.
"""

from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.account import digest
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Answered, EarlyAudio, Ended, LegEvents, Ringing, standing
from fargo.statemachine.legs.sip.phases import Access, Line, Over
from fargo.statemachine.legs.user_agent import (
    authentication,
    dialog,
    informing,
    offer_answer,
    releasing,
    session_timer,
    sip_status,
    texts,
    unheard,
)
from fargo.statemachine.legs.user_agent.dialog import Dialog
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    EarlyDialog,
    EarlyMedia,
    SentRequest,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UserAgentStep,
)
from fargo.statemachine.legs.user_agent.responding import respond
from fargo.statemachine.media.description import FAMILIES, Description, end_to_end, is_secured, narrowed
from fargo.statemachine.media.offer import PHONE_UNREACHABLE
from fargo.statemachine.model.sip_messages import (
    SendRequest,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
)
from fargo.statemachine.model.sip_values import Endpoint, Party, RAck, Sdp, SessionTimer, SipHeaders
from fargo.statemachine.reason import Cause, Reason

_MOST_FORKS: Final = 16
"""The number of phones whose provisional responses are followed."""
_MOST_INVITES: Final = 6
"""The number of INVITEs of one call, with those that are sent once more (rule 1)."""
_LONGEST_FINAL: Final = 40.0
"""The seconds within which a cancelled INVITE has its final response (RFC 3261 §9.1)."""
_ANNOUNCEMENT: Final = 3.0
"""The seconds after which early audio without a 180 or an answer is taken for an announcement."""

Unanswered: TypeAlias = UacCalling | UacProceeding


def place(line: Line, offer: Description, effects: Effects) -> UacCalling:
    """Send the INVITE, with these codecs and addresses: a plain description, or one with DTLS over ICE."""
    trunk, name = line.trunk, effects.next_id
    assert trunk, "the core has the registrations of our own user agent"
    target, offer = str(line.target), narrowed(offer, (line.family, *FAMILIES))
    if is_secured(offer):
        offer = end_to_end(offer)
    own, forwards = not line.direct, line.forwards
    headers = dialog.ABILITIES
    if forwards:
        headers = replace(headers, diversion=forwards.diversion, max_forwards=forwards.max_forwards)
    if refers := line.refers:
        require = ("replaces",) if refers.only else ()
        headers = replace(headers, require=require, replaces=refers.replaces, referred_by=refers.by)
    request = SendRequest(
        dialog=None,
        method="INVITE",
        uri=target,
        call_id=derived.call_id(line.nonce, name),
        cseq=1,
        sender=Party(str(trunk.own), derived.tag(line.nonce, name), forwards.caller if forwards else None),
        recipient=Party(target),
        routes=trunk.routes if own else (),
        hop=line.hop,
        destination=trunk.registrar if own else None,
        contact=True,
        headers=headers,
        body=offer_answer.first_offer(offer),
    )
    invite = SentRequest(effects.emit_pending(request, None), request)
    access = Access(line.nonce, trunk, line.ring_seconds, line.early)
    return UacCalling(name, access, invite, line.speaker, offer, effects.at)


# --- responses


def responded(leg: Unanswered, event: SipResponseReceived, effects: Effects) -> UserAgentStep:
    """Handle a response: to the INVITE, or to a PRACK."""
    if event.method == "PRACK":
        return _acknowledged(leg, event, effects), ()
    if event.command != leg.invite.command or event.method != "INVITE":
        unheard.answered(event, effects)
        return leg, ()
    if event.status < 200:
        return _provisional(leg, event, effects)
    if event.status < 300:
        return _answered(leg, event, effects)
    anew = _anew(leg, event)
    if anew is not None:
        return _sent_anew(leg, anew, effects), ()
    return _failed(leg, _failure(leg, event), effects)


def _failure(leg: Unanswered, event: SipResponseReceived) -> Reason:
    rang, logged_in = isinstance(leg, UacProceeding) and leg.ringing, bool(leg.invite.request.credentials)
    return sip_status.failure(leg.domain, event, rang, logged_in)


def undelivered(leg: Unanswered, event: SipRequestUndelivered, effects: Effects) -> UserAgentStep:
    """Handle that a request has no response. Only the INVITE matters."""
    if event.command != leg.invite.command:
        effects.settle(event.command)
        return leg, ()
    hop = leg.invite.request.hop
    return _failed(leg, sip_status.undelivered(hop.host if hop else leg.domain, event), effects)


def _failed(leg: Unanswered, reason: Reason, effects: Effects) -> UserAgentStep:
    unheard.forget(leg.name, effects)
    return Over(), (Ended(reason),)


def _anew(leg: Unanswered, event: SipResponseReceived) -> SendRequest | None:
    """Return the INVITE in the form that the server wants (rule 1); None if the call has failed."""
    request = leg.invite.request
    if request.cseq >= _MOST_INVITES:
        return None
    if event.status != 422:
        # Once a phone has responded, the server has no more to ask.
        return authentication.answered(request, event, leg.access) if isinstance(leg, UacCalling) else None
    smallest, asked = event.headers.min_se, request.headers.session_expires
    if smallest is None or (asked and asked.seconds >= smallest):
        return None
    headers = replace(request.headers, session_expires=SessionTimer(smallest), min_se=smallest)
    return replace(request, headers=headers, credentials=digest.counted(request.credentials))


def _sent_anew(leg: Unanswered, request: SendRequest, effects: Effects) -> UacCalling:
    unheard.forget(leg.name, effects)
    request = replace(request, dialog=leg.name, cseq=request.cseq + 1)
    invite = SentRequest(effects.emit_pending(request, None), request)
    return UacCalling(leg.name, leg.access, invite, leg.domain, leg.offer, leg.since)


# --- before the answer


def _provisional(leg: Unanswered, event: SipResponseReceived, effects: Effects) -> UserAgentStep:
    """Follow a phone that has responded, and report that it rings."""
    early = leg.early if isinstance(leg, UacProceeding) else ()
    rings = 180 <= event.status < 190
    was_ringing = isinstance(leg, UacProceeding) and leg.ringing
    proceeding = UacProceeding(
        leg.name,
        leg.access,
        leg.invite,
        leg.domain,
        leg.offer,
        leg.since,
        _followed(leg, early, event, effects),
        event.source,
        was_ringing or rings,
        event.status == 180 or (isinstance(leg, UacProceeding) and leg.alerted),
        isinstance(leg, UacProceeding) and leg.heard,
    )
    news: LegEvents = (Ringing(),) if rings and not was_ringing else ()
    described = _latest(proceeding.early)
    if described is not None and described != _latest(early) and (proceeding.heard or leg.access.early == "always"):
        proceeding, heard = let_through(proceeding)
        return proceeding, (*news, *heard)
    return proceeding, news


def _latest(early: tuple[EarlyDialog, ...]) -> EarlyMedia | None:
    """Return the audio that was described last, by any of the phones."""
    return max((each.media for each in early if each.media), key=lambda media: media.since, default=None)


def announced_at(leg: UacProceeding) -> float | None:
    """Return when early audio is to be taken for an announcement; None if it is not."""
    media = _latest(leg.early)
    if media is None or leg.heard or leg.alerted or leg.access.early != "announcements":
        return None
    return media.since + _ANNOUNCEMENT


def let_through(leg: UacProceeding) -> tuple[UacProceeding, LegEvents]:
    """Tell the other leg of the early audio, if it is of any use."""
    media, offer = _latest(leg.early), leg.invite.request.body
    assert isinstance(offer, Sdp)
    session = offer_answer.answered(leg.offer, offer, media.sdp if media else None)
    return replace(leg, heard=True), (EarlyAudio(session.theirs),) if session else ()


def _followed(
    leg: Unanswered, early: tuple[EarlyDialog, ...], event: SipResponseReceived, effects: Effects
) -> tuple[EarlyDialog, ...]:
    """Return the early dialogs after a provisional response. One without a To tag begins none."""
    if event.remote_tag is None:
        return early
    known = _of(early, event.remote_tag)
    if known is None and len(early) == _MOST_FORKS:
        return early
    before = known or EarlyDialog(dialog.begun_by_us(leg.name, leg.invite.request, event))
    now = _heard(before, leg.invite.request, event, effects)
    return (*early, now) if known is None else tuple(now if each is known else each for each in early)


def _of(early: tuple[EarlyDialog, ...], tag: str | None) -> EarlyDialog | None:
    return next((each for each in early if each.dialog.remote.tag == tag), None)


def early_dialog(leg: UacProceeding, tag: str | None) -> Dialog | None:
    """Return the early dialog with a phone, None if it has not responded."""
    found = _of(leg.early, tag)
    return found.dialog if found else None


def _with_early_dialog(leg: UacProceeding, changed: Dialog) -> UacProceeding:
    """Return the leg with an early dialog as it is now."""
    return replace(leg, early=tuple(_with(each, changed) for each in leg.early))


def _with(early: EarlyDialog, changed: Dialog) -> EarlyDialog:
    return replace(early, dialog=changed) if early.dialog.remote.tag == changed.remote.tag else early


def _heard(early: EarlyDialog, invite: SendRequest, event: SipResponseReceived, effects: Effects) -> EarlyDialog:
    """Return an early dialog after a provisional response in it; acknowledge a reliable one (rule 3)."""
    rseq = event.headers.rseq if "100rel" in event.headers.require else None
    if rseq is not None and early.rseq is not None and rseq != early.rseq + 1:
        return early
    now = dialog.refreshed(early.dialog, event.contact, event.headers)
    media = early.media
    if isinstance(event.body, Sdp) and (media is None or media.sdp != event.body):
        media = EarlyMedia(event.body, effects.at)
    if rseq is None:
        return EarlyDialog(now, early.rseq, media)
    now, prack = dialog.request(now, "PRACK", SipHeaders(rack=RAck(rseq, invite.cseq, "INVITE")))
    effects.emit_pending(prack, None)
    return EarlyDialog(now, rseq, media)


def _acknowledged(leg: Unanswered, event: SipResponseReceived, effects: Effects) -> Unanswered:
    """Handle the response to a PRACK. If it is challenged, it is sent again; otherwise nothing depends on it."""
    waiting = effects.pending.get(event.command)
    if waiting is None or event.status < 200 or not isinstance(waiting.command, SendRequest):
        return leg
    effects.settle(event.command)
    anew = authentication.answered(waiting.command, event, leg.access)
    found = early_dialog(leg, waiting.command.recipient.tag) if isinstance(leg, UacProceeding) else None
    if anew is None or found is None or not isinstance(leg, UacProceeding):
        return leg
    after, prack = dialog.again(found, anew)
    effects.emit_pending(prack, None)
    return _with_early_dialog(leg, after)


def requested(leg: UacProceeding, of: Dialog, event: SipRequestReceived, effects: Effects) -> UacProceeding:
    """Handle a request of a phone that has not answered. An offer would cross ours (RFC 3311 §5.2, RFC 3261 §14.2)."""
    match event.head.method:
        case "INVITE":
            respond(leg.name, leg.access, event, 491, effects)
        case "UPDATE" if event.body is not None:
            respond(leg.name, leg.access, event, 491, effects)
        case "BYE" | "PRACK":
            respond(leg.name, leg.access, event, 481, effects)
        case "UPDATE":
            respond(leg.name, leg.access, event, 200, effects, dialog.ABILITIES, contact=True)
            of = dialog.refreshed(of, event.contact, event.headers)
        case _:
            respond(leg.name, leg.access, event, 200, effects, dialog.ABILITIES)
    return _with_early_dialog(leg, of)


# --- the answer


def _answered(leg: Unanswered, event: SipResponseReceived, effects: Effects) -> UserAgentStep:
    """Confirm the call. If the answer is of no use, hang up at once."""
    unheard.forget(leg.name, effects)
    early = _of(leg.early, event.remote_tag) if isinstance(leg, UacProceeding) else None
    invite, forks = leg.invite, _others(leg, event)
    of = dialog.begun_by_answer(leg.name, invite.request, dialogs(leg), event)
    effects.emit(dialog.ack(of, invite.request, leg.access))
    answer = _description(event, early)
    offer = invite.request.body
    assert isinstance(offer, Sdp)
    session = offer_answer.answered(leg.offer, offer, answer)
    if session is None:
        reason = _useless(leg, answer)
        return releasing.say_at_once(leg, of, forks, effects), (Ended(reason),)
    timer = session_timer.agreed(event.headers, effects.at)
    confirmed = Confirmed(leg.name, leg.access, of, session, session.ours, effects.at, (invite,), None, timer, forks)
    confirmed = replace(confirmed, picture=informing.picture_due(session, effects.at))
    return confirmed, (Answered(session.theirs), *standing(session.held, session.flow))


def _useless(leg: Unanswered, answer: Sdp | None) -> Reason:
    """Return why an answer is of no use."""
    if offer_answer.is_unreachable(answer):
        return PHONE_UNREACHABLE
    described = offer_answer.usable(answer) if answer else None
    if leg.offer.encryption_required and described and not described.encryption_required:
        return Reason(Cause.SECURITY, texts.ANSWER_NOT_ENCRYPTED)
    return Reason(Cause.MEDIA, texts.ANSWER_WITHOUT_AUDIO)


def dialogs(leg: Unanswered | UacCancelling) -> tuple[Dialog, ...]:
    """Return the dialogs with the phones that have responded."""
    match leg:
        case UacCalling():
            return ()
        case UacProceeding(early=early):
            return tuple(each.dialog for each in early)
        case UacCancelling(early=dialogs):
            return dialogs
        case _:
            assert_never(leg)


def _others(leg: Unanswered | UacCancelling, event: SipResponseReceived) -> tuple[Dialog, ...]:
    """Return the dialogs with other phones than that which has answered."""
    return tuple(each for each in dialogs(leg) if each.remote.tag != event.remote_tag)


def _description(event: SipResponseReceived, early: EarlyDialog | None) -> Sdp | None:
    """Return the description in an answer, or the one before it (rule 4)."""
    if isinstance(event.body, Sdp):
        return event.body
    return early.media.sdp if early and early.media else None


# --- cancelling


def expire(leg: Unanswered, effects: Effects) -> UserAgentStep:
    """End a call that nobody has answered in time."""
    rang = isinstance(leg, UacProceeding) and leg.ringing
    reason = Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED) if rang else Reason(Cause.UNAVAILABLE, texts.NOT_REACHED)
    return cancel(leg, effects), (Ended(reason),)


def cancel(leg: Unanswered, effects: Effects) -> UacCancelling:
    """Cancel the call (RFC 3261 §9.1)."""
    source = leg.source if isinstance(leg, UacProceeding) else None
    for name, each in effects.pending.items():
        if isinstance(each.command, SendRequest) and each.command.dialog == leg.name and name != leg.invite.command:
            effects.settle(name)
    unheard.say(cancellation(leg.name, leg.invite, source), effects)
    until = effects.at + unheard.LONGEST
    return UacCancelling(leg.name, leg.access, leg.invite, until, isinstance(leg, UacProceeding), dialogs(leg))


def cancellation(name: str, invite: SentRequest, source: Endpoint | None) -> SendRequest:
    """Return the CANCEL of an INVITE. ``source``: the address that responded to it, None if none has."""
    request = invite.request
    return SendRequest(
        dialog=name,
        method="CANCEL",
        uri=request.uri,
        call_id=request.call_id,
        cseq=request.cseq,
        sender=request.sender,
        recipient=request.recipient,
        routes=request.routes,
        hop=request.hop,
        destination=source or request.destination,
        cancels=invite.command,
    )


def cancelled(
    leg: UacCancelling, event: SipResponseReceived | SipRequestUndelivered, effects: Effects
) -> UserAgentStep:
    """Handle a response while the call is being cancelled: to the CANCEL, or to the INVITE."""
    if isinstance(event, SipResponseReceived) and event.method == "CANCEL":
        return _heard_cancel(leg, event, effects), ()
    if event.command != leg.invite.command:
        unheard.answered(event, effects)
        return leg, ()
    if isinstance(event, SipRequestUndelivered) or event.status >= 300:
        unheard.forget(leg.name, effects)
        return Over(), ()
    if event.status < 200:
        return leg, ()
    unheard.forget(leg.name, effects)
    of = dialog.begun_by_answer(leg.name, leg.invite.request, leg.early, event)
    effects.emit(dialog.ack(of, leg.invite.request, leg.access))
    return releasing.say_at_once(leg, of, _others(leg, event), effects), ()


def _heard_cancel(leg: UacCancelling, event: SipResponseReceived, effects: Effects) -> UacCancelling:
    if event.status == 481 and leg.proceeded:
        # Rule 6. It is done once: `proceeded` is reset.
        for name in (leg.invite.command, *_cancels(leg, effects)):
            if name in effects.pending:
                unheard.send_again(name, effects)
        return replace(leg, proceeded=False)
    if unheard.answered(event, effects):
        # From now on the INVITE must not be repeated: a phone might ring once more.
        effects.settle(leg.invite.command)
        return replace(leg, until=min(leg.until, effects.at + _LONGEST_FINAL))
    return leg


def _cancels(leg: UacCancelling, effects: Effects) -> list[str]:
    said = effects.pending.items()
    return [name for name, each in said if getattr(each.command, "cancels", None) == leg.invite.command]
