"""The audio in a client's offer or answer, or the reason why the call cannot use it."""

from typing import Final

from msgspec import Struct

from fargo.statemachine.media import texts
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
    """The audio of an offer or answer: its content, its usable description, and its media profile."""

    content: Content
    description: Description
    profile: MediaProfile


def audio(contents: tuple[Content, ...]) -> Audio | Reason:
    """Return the audio in the contents, or the reason why there is none that the call can use."""
    content = audio_content(contents)
    if content is None or content.description is None:
        return Reason(Cause.APPLICATION, texts.NO_RTP_AUDIO)
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
    answer = audio(contents)
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
