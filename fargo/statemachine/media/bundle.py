"""Several contents in one session: which of them is carried, what the others are answered, and BUNDLE groups.

Rules:

1. One content of a session is carried, and with it one of video if that can be. Every other one is declined in its
   place, in the same answer, as clients that translate to SDP need an answer to each of their media (RFC 3264 §6), in
   their order. It has no sender and no address, which is port 0 in SDP, and leaves its group (RFC 9143 §7.3.3).
2. All contents of a BUNDLE group use the transport of the first in it (RFC 9143 §7.3). The others may have none of
   their own. So the first stays in the group if it is not carried, without a sender.
3. Video that is carried has a transport of its own, and so has the audio then: neither is in a group. A browser gives
   all contents of a group the same credentials for ICE. So that it could do without the group is known only from its
   candidates, which it names for each transport that it has.
4. Other groups than BUNDLE mean nothing here, and are not agreed on (RFC 5888 §9.2).
"""

from typing import TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media import pictures
from fargo.statemachine.media.codecs import meaningful
from fargo.statemachine.media.description import (
    Content,
    Description,
    IceUdp,
    RawUdp,
    Transport,
    UnknownTransport,
)

Bundle: TypeAlias = tuple[str, ...]
"""The names of the contents in a BUNDLE group, () if there is no group. All use the transport of the first."""


class OfferedContents(Struct, frozen=True, gc=False):
    """The contents that a client offers, in order. ``place``: the index of the one that is carried. ``bundle``: what
    is left of its group. ``video``: the index of the video that goes with it, None if there is none.
    """

    contents: tuple[Content, ...]
    place: int = 0
    bundle: Bundle = ()
    video: int | None = None


class AnsweredContents(Struct, frozen=True, gc=False):
    """The answer to `OfferedContents`: the content with the audio, and the others, before and after it."""

    content: Content
    before: tuple[Content, ...] = ()
    after: tuple[Content, ...] = ()


def agreed(name: str, contents: tuple[Content, ...], bundles: tuple[Bundle, ...]) -> Bundle:
    """Return what is left of the group of a content if no other one is carried (rule 2)."""
    group = next((each for each in bundles if name in each), ())
    names = [each.name for each in contents]
    first = next((each for each in group if each in names), None)
    return () if first is None else tuple(dict.fromkeys((first, name)))


def video(audio: Description, contents: tuple[Content, ...]) -> tuple[int, Description] | None:
    """Return the place of the video that can go with the audio, and the video; None if there is none (rule 3)."""
    for place, each in enumerate(contents):
        found = pictures.usable(each.description)
        if found is not None and pictures.is_apart(found, audio):
            return place, found
    return None


def is_apart(content: Content, contents: tuple[Content, ...], bundles: tuple[Bundle, ...]) -> bool:
    """Return True if the video in a content has a transport of its own for certain (rule 3)."""
    if not any(content.name in each and len(each) > 1 for each in bundles):
        return True
    return content.description is not None and pictures.is_located(content.description.transport)


def with_transport(bundle: Bundle, content: Content, contents: tuple[Content, ...]) -> Content:
    """Return the content with the transport that its group uses."""
    first = next((each for each in contents if each.name in bundle[:1]), content)
    transport = first.description.transport if first.description else first.transport
    if content.description is None or transport is None:
        return content
    return replace(content, description=replace(content.description, transport=transport))


def answer(offer: OfferedContents, description: Description) -> AnsweredContents:
    """Return the answer to an offer whose carried content is answered with a description (rule 1)."""
    carried = {offer.place: pictures.without(description)}
    if offer.video is not None and description.video is not None:
        carried[offer.video] = description.video
    answers = [
        replace(each, description=carried[place])
        if place in carried
        else _declined(each, description.transport if each.name in offer.bundle else None)
        for place, each in enumerate(offer.contents)
    ]
    return AnsweredContents(answers[offer.place], tuple(answers[: offer.place]), tuple(answers[offer.place + 1 :]))


def _declined(content: Content, shared: Transport | None) -> Content:
    """Return the answer to a content that is not carried. One of its codecs is named, as SDP needs one. ``shared``: the
    transport of its group, None if it leaves that.
    """
    description = content.description
    if description is None:
        transport = shared or (content.transport and _empty(content.transport))
        return replace(content, senders="none", transport=transport)
    transport = shared or _empty(description.transport)
    mux = description.mux or shared is not None  # RFC 9143 §9.3: a group needs it
    left = Description(description.media, meaningful(description.codecs)[:1], transport, mux)
    return Content(content.name, content.creator, "none", left)


def _empty(transport: Transport) -> Transport:
    """Return the transport without anything that could be used."""
    match transport:
        case RawUdp():
            return RawUdp()
        case IceUdp():
            return IceUdp()
        case UnknownTransport():
            return transport
        case _:
            assert_never(transport)
