"""A call that has come in, until we answer it (RFC 3261 §13.3, RFC 3262).

Rules:

1. An INVITE that no call can come of is refused, and leaves nothing: its caller will change it, or gives up.
2. If the INVITE has no offer, the ACK has the answer to ours (RFC 3261 §13.2.1). As long as the client has not
   described itself, the codecs that every phone has are assumed.
3. A caller that demands reliable provisional responses (RFC 3262) gets them, but none if we are to make the offer: the
   first of them would have to contain it.
4. The final response is repeated until it is acknowledged. Without an ACK to a 2xx there is no call.
5. What an account without encryption, or one that requires it, does not take is refused. Without encryption, keys that
   a caller offers besides are ignored. Audio that is keyed by DTLS over ICE is taken whatever the account says.
6. A caller may give up with CANCEL, or with a BYE (RFC 3261 §15.1.1). A CANCEL that comes after the final response
   changes nothing.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Ended
from fargo.statemachine.legs.sip.phases import Access
from fargo.statemachine.legs.user_agent import (
    answering,
    dialog,
    offer_answer,
    secured,
    session_timer,
    sip_status,
    texts,
    unheard,
)
from fargo.statemachine.legs.user_agent.phases import (
    AckAwaited,
    Confirmed,
    Lingering,
    Releasing,
    ReliableRinging,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UacRecalling,
    UasProceeding,
    UasRefused,
    UasReleasing,
    UserAgentLeg,
    UserAgentStep,
)
from fargo.statemachine.legs.user_agent.responding import (
    Objection,
    incompatible,
    respond,
    response,
    undescribed,
    unsupported,
)
from fargo.statemachine.media.codecs import common
from fargo.statemachine.media.description import (
    Description,
    IceUdp,
    RawUdp,
    Srtp,
    Unusable,
    address,
    families,
    rtp_and_rtcp,
    takes,
)
from fargo.statemachine.media.offer import CALLER_UNREACHABLE
from fargo.statemachine.model.sip_messages import InviteReceived, SendResponse, SipRequestReceived
from fargo.statemachine.model.sip_values import NO_HEADERS, RequestHead, Sdp, SipHeaders
from fargo.statemachine.reason import Cause, Reason, to_status

_RETRY_AFTER: Final = SipHeaders(retry_after=5)
_TRY_LATER: Final = SipHeaders(retry_after=60)
_NO_AUDIO: Final = Reason(Cause.MEDIA, texts.OFFER_WITHOUT_AUDIO)
_FAX: Final = Reason(Cause.MEDIA, texts.OFFER_OF_FAX)
_NOT_ENCRYPTED: Final = Reason(Cause.SECURITY, texts.OFFER_NOT_ENCRYPTED)


# --- beginnings


def arrived(
    event: InviteReceived, access: Access, effects: Effects, takes_over: bool
) -> tuple[UasProceeding | UasRefused, Description | Reason] | None:
    """Take in a call. Return the leg, and the caller's offer, or why it cannot be taken up.

    Return None if the INVITE is refused without being a call (rule 1). ``takes_over``: the call that it is to take over
    is known.
    """
    refusal = _objection(event, access, takes_over)
    if refusal is not None:
        unheard.refuse(response(event.name, access, event.head, refusal.status, refusal.headers), effects)
        return None
    sdp = event.body if isinstance(event.body, Sdp) else None
    offer = _offer(sdp, access.srtp) if event.body is not None else _late_offer(access.srtp)
    if isinstance(offer, Reason):
        return _refused(event, access, offer, effects), offer
    tag = derived.tag(access.nonce, event.name)
    leg = UasProceeding(
        event.name,
        access,
        event.head,
        event.headers,
        dialog.begun_by_them(event, tag),
        sdp,
        offer,
        effects.at,
    )
    return leg, leg.offer


def _objection(event: InviteReceived, access: Access, takes_over: bool) -> Objection | None:
    """Return why no call can come of an INVITE; None if it can."""
    headers = event.headers
    if unknown := unsupported(headers.require):
        return Objection(420, SipHeaders(unsupported=unknown))
    if event.contact is None:
        return Objection(400)
    if headers.replaces is not None and not takes_over:
        return Objection(603 if _is_known(headers.replaces, access) else 481)
    if session_timer.is_too_small(headers):
        return Objection(422, SipHeaders(min_se=session_timer.SMALLEST))
    found = undescribed(event.body)
    return found if found and found.status == 415 else None


def _is_known(replaces: str, access: Access) -> bool:
    """Return True if a call that is to be replaced (RFC 3891 §3) is, or was, one of the account's."""
    _, *parameters = replaces.split(";")
    pairs = (each.strip().partition("=") for each in parameters)
    tag = next((value for name, _, value in pairs if name.lower() == "to-tag"), "")
    return bool(access.nonce) and tag == derived.tag(access.nonce, tag.rpartition("-")[0])


def can_answer(leg: UasProceeding, description: Description) -> bool:
    """Return True if the caller's offer can be answered with a description: both have a codec of voice, an address
    family and the kind of encryption. A caller without an offer cannot be told from one without audio.
    """
    if leg.sdp is None or isinstance(common(leg.offer, description), Unusable):
        return False
    return takes(leg.offer, families(description)) and leg.offer.encryption_required == description.encryption_required


def _offer(sdp: Sdp | None, use: Srtp) -> Description | Reason:
    """Return the audio that a caller offers, or why it cannot be used. ``use``: the account's encryption."""
    if offer_answer.is_unreachable(sdp):
        return CALLER_UNREACHABLE
    offered = offer_answer.usable(sdp) if sdp else None
    if offered is not None and isinstance(offered.transport, IceUdp):
        return replace(offered, transport=secured.calling(offered.transport))
    if offered is None or address(offered) is None:
        return _FAX if offer_answer.asks_for_fax(sdp) else _NO_AUDIO
    if use == "off" and offered.encryption_required:
        return _NO_AUDIO
    if use == "required" and not offered.crypto:
        return _NOT_ENCRYPTED
    crypto = () if use == "off" else offered.crypto
    offered = offer_answer.addressed(offered)
    return replace(offered, transport=RawUdp(rtp_and_rtcp(offered)), crypto=crypto)


def _late_offer(use: Srtp) -> Description | Reason:
    """Return what is assumed of a caller that wants us to make the offer, or why it cannot be had (rule 2)."""
    return _NOT_ENCRYPTED if use == "required" else offer_answer.UNKNOWN


def _refused(event: InviteReceived, access: Access, reason: Reason, effects: Effects) -> UasRefused:
    headers = incompatible(reason.text)
    unheard.refuse(response(event.name, access, event.head, 488, headers), effects)
    return UasRefused(event.name, access, event.head, effects.at)


def merged(leg: UserAgentLeg, event: InviteReceived, access: Access, effects: Effects) -> None:
    """Refuse an INVITE of a call that is known, and has come in on another path, too (RFC 3261 §8.2.2.2). The response
    has another tag than the call, so its ACK is not taken for that of the call. An INVITE that is only repeated,
    because a gateway that was restarted has not responded to it, is not refused.
    """
    if (known := _head(leg)) and known.via == event.head.via:
        return
    unheard.refuse(response(f"{event.name}.2", access, event.head, 482), effects)


def _head(leg: UserAgentLeg) -> RequestHead | None:
    """Return what is known of the INVITE of a call to us; None once it has been acknowledged."""
    match leg:
        case UasProceeding(head=head) | UasRefused(head=head) | UasReleasing(head=head):
            return head
        case Confirmed(exchange=AckAwaited(head=head, first=True)):
            return head
        case _:
            return None


def is_merged(leg: UserAgentLeg, event: InviteReceived) -> bool:
    """Return True if an INVITE is of the same call as the leg, as long as anything is left of that: Call-ID and From
    tag are equal.
    """
    match leg:
        case UasProceeding() | UasReleasing() | Confirmed() | Releasing() | Lingering():
            of = leg.dialog
            return not of.calls and (of.call_id, of.remote.tag) == (event.head.call_id, event.caller.tag)
        case UasRefused(name=name):
            return name == event.name
        case UacCalling() | UacProceeding() | UacRecalling() | UacCancelling():
            return False
        case _:
            assert_never(leg)


# --- while it rings


def ring(leg: UasProceeding, effects: Effects) -> UasProceeding:
    """Tell the caller, once, that a client rings (rule 3)."""
    if leg.ringing:
        return leg
    ringing = replace(leg, ringing=True)
    if not answering.is_reliable(leg):
        effects.emit(_ringing(leg))
        return ringing
    if leg.sdp is None or answering.is_unacknowledged(leg):
        return ringing
    return answering.reliably(ringing, 180, effects)


def ring_again(leg: UasProceeding, effects: Effects) -> None:
    """Tell the caller once more that a client rings, as it may not have been told. A reliable response is repeated by
    itself.
    """
    if leg.ringing and not answering.is_reliable(leg):
        effects.emit(_ringing(leg))
    answering.tell_again(leg, effects)


def _ringing(leg: UasProceeding) -> SendResponse:
    return response(leg.name, leg.access, leg.head, 180, dialog.ABILITIES, contact=True)


def requested(leg: UasProceeding, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle a request in the dialog before it is confirmed."""
    match event.head.method:
        case "BYE":
            respond(leg.name, leg.access, event, 200, effects)
            return _given_up(leg, Reason(Cause.CANCELLED, texts.CALLER_GAVE_UP), effects)
        case "PRACK":
            return _acknowledged(leg, event, effects)
        case "UPDATE" if event.body is None:
            respond(leg.name, leg.access, event, 200, effects, contact=True)
        case "UPDATE" | "INVITE":
            # The offer in the first INVITE has no answer yet (RFC 3311 §5.2, RFC 3261 §14.2).
            respond(leg.name, leg.access, event, 500, effects, _RETRY_AFTER)
        case _:
            respond(leg.name, leg.access, event, 200, effects, dialog.ABILITIES)
    return leg, ()


def _acknowledged(leg: UasProceeding, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle a PRACK (RFC 3262 §3). There is no offer that it could answer, and none that it could make."""
    rack, reliable = event.headers.rack, leg.reliable
    fits = rack and reliable and (rack.rseq, rack.cseq, rack.method) == (reliable.rseq, leg.head.cseq, "INVITE")
    if not fits or not reliable:
        respond(leg.name, leg.access, event, 481, effects)
        return leg, ()
    if event.body is not None:
        respond(leg.name, leg.access, event, 488, effects)
        return leg, ()
    respond(leg.name, leg.access, event, 200, effects)
    if reliable.since is None:
        return leg, ()
    unheard.forget(leg.name, effects)
    return answering.acknowledged(replace(leg, reliable=ReliableRinging(reliable.rseq, None)), effects), ()


def cancelled(leg: UasProceeding, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle a CANCEL of the caller."""
    respond(leg.name, leg.access, event, 200, effects)
    return _given_up(leg, sip_status.cancelled(event), effects)


def _given_up(leg: UasProceeding, reason: Reason, effects: Effects) -> UserAgentStep:
    return refuse(leg, 487, effects), (Ended(reason, settled=reason.cause is not Cause.CANCELLED),)


def expire(leg: UasProceeding, effects: Effects) -> UserAgentStep:
    """End a call that nobody has answered, or whose caller has not acknowledged that it rings (RFC 3262 §3)."""
    unacknowledged = answering.is_unacknowledged(leg)
    reason = (
        Reason(Cause.NETWORK, texts.NOT_CONFIRMED) if unacknowledged else Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED)
    )
    return refuse(leg, 504 if unacknowledged else 480, effects), (Ended(reason),)


# --- refusals


def turn_down(leg: UasProceeding, reason: Reason, effects: Effects) -> UasRefused:
    """Refuse the call. A caller who is refused because of congestion is told when to try again (RFC 3261 §21.5.4)."""
    headers = _TRY_LATER if reason.cause is Cause.CONGESTION else NO_HEADERS
    return refuse(leg, to_status(reason.cause), effects, headers)


def refuse(leg: UasProceeding, status: int, effects: Effects, headers: SipHeaders = NO_HEADERS) -> UasRefused:
    """Send the final response that refuses the call."""
    unheard.forget(leg.name, effects)
    unheard.refuse(response(leg.name, leg.access, leg.head, status, headers), effects)
    return UasRefused(leg.name, leg.access, leg.head, effects.at)
