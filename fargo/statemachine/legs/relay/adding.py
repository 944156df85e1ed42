"""Video that is added to a relay session in the middle of the call, and removed.

Rules:

1. The relay is offered what the end offers that wants video, with its audio, and the other end what the relay makes of
   it; and the other way round with the answer. Without a codec in common the stream is closed again.
2. In an answer of the client, audio has the codecs that were agreed: else the relay would begin to translate.
3. If either end moves meanwhile, the relay is told when the video is settled. If the relay loses the session, or the
   video is withdrawn, the session is settled without.
"""

from typing import NamedTuple

from msgspec.structs import replace

from fargo.statemachine.legs.leg_events import VideoAnswered, VideoEnded, VideoOffered
from fargo.statemachine.legs.relay.relay_session import (
    AddingVideo,
    Ends,
    Joined,
    RelayRequest,
    is_closed,
    offer_again,
    offer_to_client,
    to_client,
)
from fargo.statemachine.media import pictures
from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import Description, MediaProfile
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay


class VideoNews(NamedTuple):
    """The things of video that the phone, or else the client, has to know."""

    to_phone: bool
    event: VideoOffered | VideoAnswered | VideoEnded


def restarts(session: AddingVideo) -> bool:
    """Return True if the client has restarted ICE meanwhile, and waits to be told where it is to send."""
    return session.ends.client.transport != session.told.client.transport


def without_video(ends: Ends) -> Ends:
    """Return the descriptions of both ends without video."""
    return Ends(pictures.without(ends.client), pictures.without(ends.phone))


def begun(session: Joined, by_phone: bool, video: Description) -> tuple[AddingVideo, OfferRelay]:
    """Return the session in which an end wants video, and the command that offers it to the other."""
    terms, ends = replace(session.terms, video=True), _with(session.ends, by_phone, video)
    offer = offer_to_client(terms, ends.phone) if by_phone else offer_again(terms, ends)
    return AddingVideo(terms, ends, ends, by_phone), offer


def answered(session: AddingVideo, video: Description | None) -> tuple[AddingVideo, AnswerRelay]:
    """Return the session after the other end has said if it takes the video, and the command that tells the relay."""
    terms, told = session.terms, _with(session.told, not session.by_phone, video)
    if video is None:
        told = without_video(told)
    after = replace(session, told=told, ends=_videos_of(session.ends, told))
    if not session.by_phone:
        return after, to_client(terms, told)
    client = _agreed(terms, told.client)
    closed = is_closed(terms, client)
    return after, AnswerRelay(
        terms.name, client, MediaProfile.PLAIN, by=terms.client, closed=closed, phone=terms.present
    )


def _with(ends: Ends, phone: bool, video: Description | None) -> Ends:
    if phone:
        return replace(ends, phone=replace(ends.phone, video=video))
    return replace(ends, client=replace(ends.client, video=video))


def _videos_of(ends: Ends, told: Ends) -> Ends:
    """Return descriptions with the video of others."""
    return Ends(replace(ends.client, video=told.client.video), replace(ends.phone, video=told.phone.video))


def _agreed(terms: RelayRequest, client: Description) -> Description:
    """Return the client's description with the codecs that it has agreed on (rule 2)."""
    if not terms.outward or terms.shown.client is None:
        return client
    kinds = frozenset(map(kind, terms.shown.client.codecs))
    return replace(client, codecs=tuple(codec for codec in client.codecs if kind(codec) in kinds))
