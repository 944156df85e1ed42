"""Offer and answer (RFC 3264) on the SIP side.

Rules:

1. Audio is taken in plain RTP, in SRTP keyed by SDES (RFC 4568), or in SRTP keyed by DTLS over ICE (`secured`), and
   with plain audio one stream of video. An answer is of the offer's kind. The other streams of an offer are rejected,
   but stay in each later description of ours, because their number must not change (RFC 3264 §8). Which they are,
   `Sdp.media` says.
2. The first offer and answer settle the codecs, because the other leg has chosen of them. A later offer of the far end
   may add codecs or leave some out: the answer has those of the settled ones that it contains, and that the other leg
   takes. If it contains none of them, it cannot be had, and the session stays as it was. The other leg is told which it
   contains.
3. The far end is "initiator", the gateway "responder" in the direction of the audio, whoever offers.
4. The far end has us on hold if it does not want our audio: by its direction, or by the address 0.0.0.0 (RFC 3264
   §8.4), which with ICE means nothing. A hold by address is no move; neither is a resume at the old address.
5. A description that is sent again unchanged keeps its version; any other has a higher one than all before (RFC 3264
   §8).
6. The first offer and answer also settle the encryption: none, or a suite with our key. A later offer of the far end
   may have another key for that suite, which the other leg is told. If it has none, it cannot be had. Without
   encryption, keys of the far end are ignored.
7. Video has a direction of its own (`directions`). It is over for the rest of the call if either end leaves it out of a
   description, or has no codec for it any more.
8. A far end whose addresses are all refused (`media.reach`) has nothing to offer: it is not on hold.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.legs.leg_events import (
    CodecsChanged,
    Held,
    LegEvents,
    Resumed,
    TransportChanged,
    VideoAnswered,
    VideoDirected,
    VideoEnded,
    VideoMoved,
)
from fargo.statemachine.legs.user_agent import directions, secured, texts
from fargo.statemachine.media import pictures
from fargo.statemachine.media.codecs import common, has_voice, is_voice, kind, numbered_as
from fargo.statemachine.media.description import (
    FAMILIES,
    Candidate,
    Codec,
    Content,
    Crypto,
    Description,
    Family,
    IceUdp,
    RawUdp,
    Senders,
    Unusable,
    address,
    end_to_end,
    families,
    is_cut_off,
    is_secured,
    narrowed,
    rtp_and_rtcp,
    shares_family,
    takes,
)
from fargo.statemachine.media.offer import PHONE_UNREACHABLE
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow
from fargo.statemachine.model.sip_values import Body, Sdp

_PLAIN: Final = "{media} 9 RTP/AVP 0"
"""A media line of ours; only its profile counts."""
UNKNOWN: Final = Description(
    "audio",
    (Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000), Codec(101, "telephone-event", 8000)),
    RawUdp((Candidate(1, "0.0.0.0", 9),)),
)
"""The assumption about a caller that wants us to make the offer: the codecs of every phone, and no address yet."""


class Ours(Struct, frozen=True, gc=False):
    """Our part of a session: how the other leg takes audio, whether it has the far end on hold, and what it does with
    video.
    """

    local: Description
    holds: bool = False
    flow: VideoFlow = BOTH_WAYS


class MediaSession(Struct, frozen=True, gc=False):
    """A session, as the last offer and answer have made it.

    ``theirs``: the settled codecs (rule 2), and the far end's address. ``held``: the far end has us on hold. ``sent``:
    our last description. ``version``: the highest so far. ``listed``: the settled codecs that the far end's last
    description contains; () if it has not described itself again. ``flow``: what the far end does with video.
    """

    ours: Ours
    theirs: Description
    held: bool
    sent: Sdp
    version: int = 0
    listed: tuple[Codec, ...] = ()
    flow: VideoFlow = BOTH_WAYS


# --- the first offer and answer


def usable(sdp: Sdp) -> Description | None:
    """Return the far end's audio, None if there is none that we can take (rules 1 and 8), with its video. It may have
    no address, on hold.
    """
    described = sdp.audio.description if sdp.audio else None
    if described is None or not has_voice(described.codecs) or is_cut_off(described):
        return None
    if is_secured(described):
        return end_to_end(described) if described.mux else None
    if not isinstance(described.transport, RawUdp):
        return None
    if described.encryption_required and not described.crypto:
        return None
    return Description(
        "audio",
        described.codecs,
        described.transport,
        encryption_required=described.encryption_required,
        crypto=described.crypto,
        video=None if described.crypto else _video(sdp),
    )


def _video(sdp: Sdp) -> Description | None:
    """Return the far end's video, None if there is none that can be carried. It may have no address, on hold."""
    found = pictures.usable(sdp.video.description) if sdp.video else None
    return found and replace(found, transport=RawUdp(rtp_and_rtcp(found)))


def addressed(described: Description) -> Description:
    """Return the far end's audio, without video that has no address."""
    return described if described.video and address(described.video) else pictures.without(described)


def is_unreachable(sdp: Sdp | None) -> bool:
    """Return True if the far end names only addresses that audio must not go to."""
    described = sdp.audio.description if sdp and sdp.audio else None
    return described is not None and is_cut_off(described)


def asks_for_fax(sdp: Sdp | None) -> bool:
    """Return True if the far end wants to send a fax by T.38 (RFC 3362), and names no audio to send it by."""
    in_use = [line.split(" ")[:2] for line in sdp.media] if sdp and sdp.audio is None else []
    return any(kind_of == "image" and port != "0" for kind_of, port in in_use)


def first_offer(local: Description) -> Sdp:
    """Return the description with which a call is placed."""
    return _with_video(Sdp(_content(local, "both")), Ours(local))


def _with_video(sdp: Sdp, ours: Ours) -> Sdp:
    """Return our description with our video, in a stream of its own that stays (rule 1)."""
    video = ours.local.video
    if video is None:
        return replace(sdp, video=None)
    media, place = sdp.media or (_PLAIN.format(media="audio"),), sdp.video_place
    if place is None:
        media, place = (*media, _PLAIN.format(media=pictures.VIDEO)), len(media)
    return replace(
        sdp,
        media=media,
        place=sdp.place or 0,
        video=Content("", senders=directions.of_video(ours.flow, ours.holds), description=video),
        video_place=place,
    )


def answered(local: Description, sent: Sdp, answer: Sdp | None) -> MediaSession | None:
    """Return the session after the answer to our first offer; None if it is of no use.

    An offer without an address, which is named later, takes audio in any family. An answer has the profile of the offer
    (RFC 3264 §6), so a plain one is of no use if encryption is required.
    """
    described = usable(answer) if answer else None
    if described is None or answer is None or described.encryption_required != local.encryption_required:
        return None
    keys = _accepted_keys(local, described)
    if keys is None:
        return None
    agreed, within = common(local, addressed(described)), families(local) or FAMILIES
    if isinstance(agreed, Unusable):
        return None
    settled = common(agreed, local)
    assert not isinstance(settled, Unusable), "what is common to both is common both ways"
    if isinstance(local.transport, IceUdp):
        if not isinstance(described.transport, IceUdp):
            return None
        offered, accepting = secured.settled(local.transport, described.transport)
        ours = Ours(replace(settled, transport=offered))
        return MediaSession(ours, replace(agreed, transport=accepting), directions.is_held(answer), sent)
    if not takes(agreed, within) or not isinstance(described.transport, RawUdp):
        return None
    our_key, their_key = keys
    theirs = replace(agreed, transport=RawUdp(rtp_and_rtcp(agreed, within)), crypto=their_key)
    flow = directions.heard(BOTH_WAYS, "both", answer, theirs)
    return MediaSession(Ours(replace(settled, crypto=our_key)), theirs, directions.is_held(answer), sent, flow=flow)


def _accepted_keys(offer: Description, answer: Description) -> tuple[tuple[Crypto, ...], tuple[Crypto, ...]] | None:
    """Return our key and that of the far end, as its answer says (RFC 4568 §5.1.3); twice () without encryption.

    Return None if it has chosen none of the keys that it was offered.
    """
    if not offer.crypto or not answer.crypto:
        return (), ()
    for theirs in answer.crypto:
        for ours in offer.crypto:
            if (ours.tag, ours.suite) == (theirs.tag, theirs.suite):
                return (ours,), (theirs,)
    return None


def first_answer(offer: Sdp, local: Description) -> MediaSession:
    """Return the session after our answer to the caller's offer, which is usable and has an address."""
    described = usable(offer)
    assert described, "the caller's offer was taken"
    described = addressed(described)
    answer = numbered_as(described, narrowed(local, families(described)))
    their_key = _of_same_suite(described, answer)
    answer = replace(answer, crypto=answer.crypto[: len(their_key)])
    theirs = Description(
        "audio",
        answer.codecs,
        RawUdp(rtp_and_rtcp(described, families(local))),
        encryption_required=answer.encryption_required,
        crypto=their_key,
        video=pictures.common(answer.video, described.video),
    )
    if isinstance(described.transport, IceUdp) and isinstance(local.transport, IceUdp) and is_secured(local):
        offered, accepting = secured.settled(secured.calling(described.transport), local.transport)
        answer = end_to_end(replace(answer, transport=accepting))
        theirs = replace(described, codecs=answer.codecs, transport=offered)
    ours = Ours(answer)
    flow = directions.heard(BOTH_WAYS, "both", offer, theirs)
    return MediaSession(ours, theirs, directions.is_held(offer), _answer(offer, ours), flow=flow)


def late_offer(local: Description) -> MediaSession:
    """Return the session after our offer in a 2xx, as the caller has made none. It names one voice codec only: the
    other leg cannot be told which of several the caller chooses.
    """
    answer = numbered_as(UNKNOWN, local)
    voice = next((codec for codec in answer.codecs if is_voice(codec)), None)
    codecs = tuple(codec for codec in answer.codecs if codec is voice or not is_voice(codec))
    ours = Ours(replace(answer, codecs=codecs))
    theirs = Description("audio", codecs, RawUdp())
    return MediaSession(ours, theirs, False, first_offer(ours.local))


def _of_same_suite(theirs: Description, ours: Description) -> tuple[Crypto, ...]:
    """Return the key of the far end for the suite of our key, none if we have none."""
    suites = {each.suite for each in ours.crypto}
    return tuple(each for each in theirs.crypto if each.suite in suites)[:1]


# --- later offers and answers


def offer(session: MediaSession, wanted: Ours) -> tuple[MediaSession, Sdp]:
    """Return the session after an offer of ours, and the offer. What is ours changes only with the answer to it."""
    sdp = _with_video(session.sent, wanted)
    return said(session, replace(sdp, audio=_content(wanted.local, directions.of_audio(wanted.holds))))


def accepted(session: MediaSession, wanted: Ours, answer: Body | None) -> MediaSession | None:
    """Return the session after the answer to such an offer; None if it is of no use, and all stays as it was."""
    if not isinstance(answer, Sdp):
        return None
    changed = _changed(replace(session, ours=wanted), answer, wanted.local.video)
    return changed and replace(changed, listed=_told(session, wanted, changed.listed))


def _told(session: MediaSession, wanted: Ours, answered: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """Return the settled codecs that the far end takes after an answer. The answer to an offer of some of them says
    nothing of the others, and takes back nothing: else two phones could change their codecs after each other for ever.
    """
    offered, taken, known = _kinds(wanted.local.codecs), _kinds(answered), session.listed or session.theirs.codecs
    if _kinds(session.theirs.codecs) <= offered:
        return answered
    left = tuple(codec for codec in known if kind(codec) in taken or kind(codec) not in offered)
    return left if has_voice(left) and left != known else session.listed


def _kinds(codecs: tuple[Codec, ...]) -> frozenset[tuple[str, int, int]]:
    return frozenset(map(kind, codecs))


def answer(session: MediaSession, wanted: Ours, offer: Sdp) -> MediaSession | None:
    """Return the session after our answer to an offer of the far end; None if that cannot be had (rule 2)."""
    described = usable(offer)
    changed = _changed(session, offer, wanted.local.video)
    if changed is None or described is None or isinstance(common(described, wanted.local), Unusable):
        return None
    if isinstance(described.transport, IceUdp) and changed.theirs.transport != session.theirs.transport:
        return None  # rule 4 of `secured`
    local = numbered_as(described, wanted.local)
    local = replace(local, crypto=_tagged_as(_of_same_suite(described, local), local.crypto))
    reached = _reached(session.ours, wanted, offer)
    return said(replace(changed, ours=reached), _answer(offer, replace(wanted, local=local)))[0]


def _reached(before: Ours, wanted: Ours, offer: Sdp) -> Ours:
    """Return what is ours after our answer: what is wanted, but for a direction that the far end still keeps to."""
    assert offer.audio, "it is usable"
    holds = directions.is_kept_silent(before.holds, wanted.holds, offer.audio.senders)
    asked = directions.of_video(before.flow, before.holds)
    return replace(wanted, holds=holds, flow=directions.reached(asked, wanted.flow, wanted.holds, offer.video))


def why_not(session: MediaSession, offer: Sdp | None) -> str:
    """Return why an offer of the far end cannot be had, a sentence for it."""
    if is_unreachable(offer):
        return PHONE_UNREACHABLE.text
    if asks_for_fax(offer):
        return texts.OFFER_OF_FAX
    described = usable(offer) if offer else None
    restarts = described is not None and all(isinstance(each.transport, IceUdp) for each in (described, session.theirs))
    return texts.OFFER_RESTARTS_ICE if restarts else texts.OFFER_WITHOUT_AUDIO


def _answer(offer: Sdp, ours: Ours) -> Sdp:
    """Return our answer to an offer, which has our codecs and addresses."""
    assert offer.audio, "an offer without audio is not taken"
    senders = directions.answering(offer.audio.senders, directions.of_audio(ours.holds))
    sdp = Sdp(_content(ours.local, senders), offer.media, offer.place)
    if ours.local.video is None or offer.video is None:
        return replace(sdp, video_place=offer.video_place)
    seen = directions.answering(offer.video.senders, directions.of_video(ours.flow, ours.holds))
    return replace(sdp, video=Content("", senders=seen, description=ours.local.video), video_place=offer.video_place)


def _changed(session: MediaSession, sdp: Sdp, video: Description | None) -> MediaSession | None:
    """Return the session as the far end describes its part of it. ``video``: ours."""
    described = usable(sdp)
    if described is None or type(described.transport) is not type(session.theirs.transport):
        return None
    taken = common(described, session.theirs)
    if isinstance(taken, Unusable):
        return None
    ours = session.ours.local
    if isinstance(described.transport, IceUdp):
        theirs = replace(session.theirs, transport=_restarted(session.theirs.transport, described.transport))
        return replace(session, theirs=theirs, held=directions.is_held(sdp), listed=taken.codecs)
    their_key = _of_same_suite(described, ours)
    if not their_key and (ours.crypto or described.encryption_required):
        return None
    if families(described) and not shares_family(session.ours.local, described):
        return None
    theirs = replace(
        session.theirs,
        transport=_followed(session.theirs.transport, described, families(session.ours.local)),
        crypto=_tagged_as(ours.crypto, their_key),
        video=_seen(session, video, described),
    )
    asked = directions.of_video(session.ours.flow, session.ours.holds)
    flow = directions.heard(session.flow, asked, sdp, theirs)
    return replace(session, theirs=theirs, held=directions.is_held(sdp), listed=taken.codecs, flow=flow)


def _seen(session: MediaSession, ours: Description | None, described: Description) -> Description | None:
    """Return the far end's video as it describes that now; None if there is none any more (rule 7)."""
    before = session.theirs.video
    now = pictures.common(ours, described.video)
    if now is None:
        return None
    transport = before.transport if before is not None else RawUdp()
    return replace(now, transport=_followed(transport, now, FAMILIES))


def left(session: MediaSession, local: Description, codecs: tuple[Codec, ...]) -> Description:
    """Return our part of a session with those of the settled codecs that the other end takes; all of them, if it takes
    none, as it cannot have meant that.
    """
    taken = common(replace(local, codecs=codecs), session.theirs)
    kept = session.theirs.codecs if isinstance(taken, Unusable) else taken.codecs
    numbered = numbered_as(replace(local, codecs=(*local.codecs, *kept)), replace(local, codecs=kept))
    return replace(local, codecs=numbered.codecs)


def far_end(session: MediaSession) -> Description | None:
    """Return how the far end takes audio, for a phone that is to send it there; None if it has told no address. Between
    phones there is no video.
    """
    found = replace(session.theirs, codecs=session.listed or session.theirs.codecs, video=None)
    return found if isinstance(found.transport, RawUdp) and address(found) else None


def joined(session: MediaSession, wanted: Ours, other: Description, holds: bool) -> Ours:
    """Return our part of a session whose far end is to send its audio to another phone, which describes itself so and
    holds the far end, or does not.
    """
    keys = _tagged_as(session.ours.local.crypto, other.crypto) if session.ours.local.crypto else ()
    local = replace(wanted.local, transport=other.transport, codecs=other.codecs, crypto=keys, video=None)
    return Ours(left(session, local, other.codecs), holds)


def can_be_joined(one: Description, other: Description) -> bool:
    """Return True if two far ends can send each other audio without a relay: they share a codec, a family of addresses,
    and the encryption.
    """
    suites = [each.suite for each in one.crypto] == [each.suite for each in other.crypto]
    return suites and shares_family(one, other) and not isinstance(common(one, other), Unusable)


def _tagged_as(settled: tuple[Crypto, ...], key: tuple[Crypto, ...]) -> tuple[Crypto, ...]:
    """Return a key with the tag of another; none if there is none."""
    return tuple(replace(each, tag=other.tag) for each, other in zip(key, settled, strict=True))


def _followed(before: object, described: Description, within: tuple[Family, ...]) -> RawUdp:
    """Return where the far end takes audio (rule 4). A new address is of a new generation (XEP-0177 §4.2)."""
    now = rtp_and_rtcp(described, within)
    assert isinstance(before, RawUdp), "only plain RTP is taken"
    places = [(each.ip, each.port) for each in now]
    if not now or places == [(each.ip, each.port) for each in before.candidates]:
        return before
    generation = before.candidates[0].generation + 1 if before.candidates else 0
    return RawUdp(tuple(replace(each, generation=generation) for each in now))


def _restarted(before: object, now: IceUdp) -> IceUdp:
    """Return the far end's transport with ICE (rules 3 and 4 of `secured`)."""
    assert isinstance(before, IceUdp), "the kind of audio is settled"
    return secured.in_role(now, secured.role(before)) if secured.begins_anew(before, now) else before


def said(session: MediaSession, sdp: Sdp) -> tuple[MediaSession, Sdp]:
    """Return the session after a description of ours, and the description with its version (rule 5)."""
    same = replace(sdp, version=session.sent.version)
    if same == session.sent:
        return session, same
    newer = replace(sdp, version=session.version + 1)
    return replace(session, sent=newer, version=newer.version), newer


def news(before: MediaSession, after: MediaSession) -> LegEvents:
    """Return what the other leg has to know of a change."""
    theirs = after.theirs
    moved = (theirs.transport, theirs.crypto) != (before.theirs.transport, before.theirs.crypto)
    assert isinstance(theirs.transport, IceUdp | RawUdp), "nothing else is taken"
    events: LegEvents = (TransportChanged(theirs.transport, theirs.crypto),) if moved else ()
    if (after.listed or theirs.codecs) != (before.listed or before.theirs.codecs):
        events = (*events, CodecsChanged(after.listed))
    events = (*events, *_seen_now(before, after))
    if after.held is not before.held:
        return (*events, Held() if after.held else Resumed())
    return events


def _seen_now(before: MediaSession, after: MediaSession) -> LegEvents:
    """Return what the other leg has to know of video."""
    was, now = before.theirs.video, after.theirs.video
    if was is not None and now is None:
        return (VideoEnded(),)
    events: LegEvents = ()
    if was is None and after.ours.local.video is not None:
        events = (VideoAnswered(now),)
    elif was and now and (now.transport, now.codecs) != (was.transport, was.codecs):
        events = (VideoMoved(now),)
    return events if after.flow == before.flow else (*events, VideoDirected(after.flow))


def settled(session: MediaSession, wanted: Ours, was_wanted: Ours) -> tuple[MediaSession, Ours]:
    """Return the session, and what the other leg wants of it, without video that the far end has not taken.
    ``was_wanted``: that in the exchange by which it has not.
    """
    if session.theirs.video is not None:
        return session, wanted
    if was_wanted.local.video is not None:
        wanted = without_video(wanted)
    return replace(session, ours=without_video(session.ours)), wanted


def without_video(ours: Ours) -> Ours:
    """Return our part of a session without video."""
    return replace(ours, local=pictures.without(ours.local), flow=BOTH_WAYS)


def video_offered(session: MediaSession, wanted: Ours, offer: Sdp | None) -> Description | None:
    """Return the video that the far end wants to add; None if it wants none, or none can be had."""
    if session.theirs.video is not None or wanted.local.video is not None or wanted.local.crypto:
        return None
    described = usable(offer) if offer else None
    return addressed(described).video if described else None


def _content(local: Description, senders: Senders) -> Content:
    return Content("", senders=senders, description=pictures.without(local))
