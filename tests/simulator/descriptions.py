"""The descriptions that a phone sends, or is sent: what they say, and whether an answer fits its offer."""

from typing import Literal

from fargo.statemachine.legs.user_agent import directions, secured
from fargo.statemachine.legs.user_agent.offer_answer import UNKNOWN
from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import Codec, IceUdp, Senders, address, is_secured
from fargo.statemachine.model.sip_values import Body, Sdp

from .broken import Broken
from .values import AWAY, CLIENT, PCMA, PCMU, PHONE, RELAY


def ufrag_of(body: Body | None) -> str:
    """Return the user name of ICE in a description, "" if there is none."""
    described = body.audio.description if isinstance(body, Sdp) and body.audio else None
    return described.transport.ufrag if described and isinstance(described.transport, IceUdp) else ""


def is_encrypted(body: Body | None) -> bool:
    """Return True if a description is one with DTLS over ICE."""
    described = body.audio.description if isinstance(body, Sdp) and body.audio else None
    return described is not None and is_secured(described)


def is_relayed(sdp: Sdp) -> bool:
    """Return True if the phone is told to send audio to the relay; it cannot reach a client that needs one. A call that
    is forwarded leads to another phone, whose place may not be known yet.
    """
    described = sdp.audio.description if sdp.audio else None
    if described == UNKNOWN:
        return False
    where = address(described) if described else None
    if where is None or where.ip not in (CLIENT, RELAY, PHONE, AWAY):
        raise Broken("a phone is told where a client that speaks plain RTP is, or the relay, or another phone", sdp)
    return where.ip == RELAY


def chosen(offer: Body | None) -> tuple[Codec, ...]:
    """Return what a phone chooses of the codecs of an offer: PCMU, if that is among them."""
    described = offer.audio.description if isinstance(offer, Sdp) and offer.audio else None
    if described is None or PCMU.name in [each.name for each in described.codecs]:
        return (PCMU,)
    return (PCMA,)


def video_of(body: Body | None) -> Senders | Literal[""]:
    """Return who sends video in a description, "" if there is none."""
    return body.video.senders if isinstance(body, Sdp) and body.video else ""


def place_of(sdp: Sdp) -> str:
    """Return where a description wants audio, "" if nowhere."""
    where = address(sdp.audio.description) if sdp.audio and sdp.audio.description else None
    return where.ip if where else ""


def role(sdp: Sdp) -> str:
    """Return the role in the handshake that a description with DTLS has."""
    assert sdp.audio
    assert sdp.audio.description
    assert isinstance(sdp.audio.description.transport, IceUdp)
    return secured.role(sdp.audio.description.transport)


def has_on_hold(sdp: Sdp) -> bool:
    """Return True if the gateway takes no audio."""
    assert sdp.audio
    return sdp.audio.senders in ("responder", "none")


def senders(held: bool, holds: bool) -> Senders:
    """Return who sends audio. ``held``: the phone has the gateway on hold; ``holds``: it is put on hold itself."""
    if held:
        return "none" if holds else "initiator"
    return "responder" if holds else "both"


def compare(offer: Sdp, answer: Sdp) -> None:
    """Check an answer against its offer (RFC 3264 §6)."""
    assert offer.audio
    assert offer.audio.description
    assert answer.audio
    assert answer.audio.description
    offered = {(codec.id, kind(codec)) for codec in offer.audio.description.codecs}
    answered = {(codec.id, kind(codec)) for codec in answer.audio.description.codecs}
    if not answered or not answered <= offered:
        raise Broken("the codecs of an answer are within the offer", (offer, answer))
    allowed = {"both": ("both", "initiator", "responder", "none"), "none": ("none",)}
    if answer.audio.senders not in allowed.get(offer.audio.senders, (offer.audio.senders, "none")):
        raise Broken("an answer wants no more than was offered", (offer, answer))
    if is_encrypted(answer) and role(answer) not in ("active", "passive"):
        raise Broken("an answer settles the role in the handshake", (offer, answer))
    seen, shown = video_of(offer), video_of(answer)
    if shown and (not seen or directions.answering(seen, shown) != shown):
        raise Broken("an answer wants no more video than was offered", (offer, answer))
    if (answer.media, answer.place) != (offer.media, offer.place):
        raise Broken("an answer has the streams of its offer", (offer, answer))
