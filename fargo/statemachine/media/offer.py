"""The audio in a client's offer or answer, or the reason why the call cannot use it."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media import texts
from fargo.statemachine.media.bundle import Bundle, agreed, video, with_transport
from fargo.statemachine.media.codecs import common, has_voice, tidied
from fargo.statemachine.media.description import (
    Content,
    Description,
    IceUdp,
    MediaProfile,
    Unusable,
    malformed,
    profile,
    unusable,
)
from fargo.statemachine.reason import Cause, Reason

CALLER_UNREACHABLE: Final = Reason(Cause.TRANSPORT, texts.CALLER_UNREACHABLE)
PHONE_UNREACHABLE: Final = Reason(Cause.TRANSPORT, texts.PHONE_UNREACHABLE)


class Audio(Struct, frozen=True, gc=False):
    """The audio of an offer or answer: its content, its usable description, and its media profile.

    ``place``: the index of the content among all contents. ``bundle``: what is left of its BUNDLE group. ``video``: the
    index of the video that is in the description; None if there is none.
    """

    content: Content
    description: Description
    profile: MediaProfile
    place: int = 0
    bundle: Bundle = ()
    video: int | None = None

    @property
    def carrier(self) -> str:
        """The name of the content whose transport is used."""
        return self.bundle[0] if self.bundle and self.video is None else self.content.name


def audio(contents: tuple[Content, ...], bundles: tuple[Bundle, ...] = (), sees: bool = False) -> Audio | Reason:
    """Return the first audio in the contents that the call can use, or the reason why there is none. ``sees``: with the
    video that goes with it.
    """
    problem: Reason | None = None
    for place, content in enumerate(contents):
        if content.description is None or content.description.media != "audio":
            continue
        bundle = agreed(content.name, contents, bundles)
        found = (_with_video(content, contents) if sees else None) or _audio(with_transport(bundle, content, contents))
        if isinstance(found, Audio):
            return replace(found, place=place, bundle=bundle)
        problem = problem or found
    return problem or Reason(Cause.APPLICATION, texts.NO_RTP_AUDIO)


def _with_video(content: Content, contents: tuple[Content, ...]) -> Audio | None:
    """Return the audio of one content with the video that goes with it; None if there is none."""
    found = _audio(content)
    seen = video(found.description, contents) if isinstance(found, Audio) else None
    if isinstance(found, Reason) or seen is None:
        return None
    return replace(found, description=replace(found.description, video=seen[1]), video=seen[0])


def _audio(content: Content) -> Audio | Reason:
    """Return the audio of one content, or the reason why the call cannot use it."""
    assert content.description
    how = profile(content.description)
    if content.description.encryption_required and how is not MediaProfile.DTLS:
        return Reason(Cause.SECURITY, texts.SDES_REQUIRED)
    if isinstance(how, Unusable):
        return Reason(Cause.TRANSPORT, how.problem)
    transport = content.description.transport
    if isinstance(transport, IceUdp) and (problem := unusable(transport)):
        return Reason(Cause.MEDIA, problem)
    described = tidied(content.description)
    if not has_voice(described.codecs):
        return Reason(Cause.APPLICATION, texts.NO_VOICE_CODEC)
    return Audio(content, described, how)


def accepted(contents: tuple[Content, ...], offer: Description, profile: MediaProfile) -> Description | Reason:
    """Return what a client accepts of an offer in a media profile, if it answers that (RFC 3264 §6.1)."""
    answer = audio(contents, sees=offer.video is not None)
    if isinstance(answer, Reason):
        return answer
    if answer.profile is not profile:
        return Reason(Cause.TRANSPORT, texts.OTHER_PROFILE.format(answered=answer.profile, offered=profile))
    shared = common(offer, answer.description)
    return Reason(Cause.MEDIA, shared.problem) if isinstance(shared, Unusable) else shared


def audio_content(contents: tuple[Content, ...]) -> Content | None:
    """Return the content with the audio, None if there is none."""
    for content in contents:
        if content.description and content.description.media == "audio":
            return content
    return None


def malformed_contents(contents: tuple[Content, ...]) -> str | None:
    """Return the reason why the contents must not be passed on, as a sentence; None if there is none."""
    for content in contents:
        if content.description and (problem := malformed(content.description)):
            return problem
    return None
