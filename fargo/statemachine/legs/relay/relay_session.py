"""A session at the media relay: the phases that it goes through, and how the relay is told of each end.

Rules:

1. An end is offered what the other offers, and what the relay can make of it: nearly every phone and client has one of
   these codecs, and G.722 and opus are of better quality than the rest. So the relay transcodes only if it must.
2. An end may have a codec under another number than it was offered (RFC 3264 §6.1). The relay knows the codecs of an
   answer by their numbers only, so it is offered the call again before, with these numbers reserved.
3. Video is passed on as it is. Once a session has a stream for it, each description has one, which may be closed (RFC
   3264 §8.2).
4. A client sends the first codec of voice that was agreed, as all do. If a phone no longer takes this one, the relay is
   offered no other, so that it translates: what it is not offered it passes on as it is, and it says nothing of it.
5. A phone that is to have the place of another is an end of its own for the relay: it gets another address and another
   key of the relay, which the first does not know. What arrives from it is passed on from when it has that place, and
   what arrives from the first until then: it may not have heard that it is out of the call.
"""

from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media.codecs import is_voice, kind, renumbered
from fargo.statemachine.media.description import IPV4, Codec, Description, Family, MediaProfile, RawUdp, Srtp
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayParty, RelayPhone

# Codecs that the relay offers besides the offerer's own (rule 1). It adds telephone events for each clock rate.
_FOR_PHONES: Final = ("G722", "PCMU", "PCMA", "opus", "GSM", "telephone-event")
_FOR_CLIENTS: Final = ("opus", "G722", "PCMU", "PCMA", "telephone-event")
# Redundancy and comfort noise are between a client and the relay: phones name them, and then do otherwise.
_NOT_FOR_PHONES: Final = ("red", "CN")


class Told(Struct, frozen=True, gc=False):
    """The relay's descriptions of itself that the client and the phone were told last; None if none was."""

    client: Description | None = None
    phone: Description | None = None


class RelayRequest(Struct, frozen=True, gc=False):
    """The name of a session, and the profile of the client in it. ``outward``: the client is the offerer. ``why``: why
    the call needs the relay, a sentence. ``family``: the address family in which the phone takes audio. ``srtp``: the
    encryption that the phone is offered, or offers. ``follows``: the phone can be told another address during the call.
    ``speaks``: the profile of the phone. ``video``: the session has a stream for video (rule 3). ``phones``: how many
    were to have the place of the first one; ``number``: which of them has it, 0 if the first has (rule 5).
    ``upcoming``: how the relay has described itself to the last one that is to have it, None if it has not; without an
    address if it has lost the session since.
    """

    name: str
    profile: MediaProfile
    outward: bool
    why: str
    family: Family = IPV4
    srtp: Srtp = "off"
    follows: bool = False
    shown: Told = Told()
    speaks: MediaProfile = MediaProfile.PLAIN
    video: bool = False
    phones: int = 0
    number: int = 0
    upcoming: Description | None = None

    @property
    def client(self) -> RelayParty:
        """Return which end the client is."""
        return RelayParty.OFFERER if self.outward else RelayParty.ANSWERER

    @property
    def phone(self) -> RelayParty:
        """Return which end the phone is."""
        return RelayParty.ANSWERER if self.outward else RelayParty.OFFERER

    @property
    def present(self) -> RelayPhone | None:
        """Return which phone is in the session, None if there was only one."""
        return RelayPhone(self.phone, self.number) if self.phones else None

    @property
    def forgotten(self) -> "RelayRequest":
        """Return the terms after the relay has lost the session."""
        return self if self.upcoming is None else replace(self, upcoming=replace(self.upcoming, transport=RawUdp()))

    @property
    def to_next(self) -> "RelayRequest":
        """Return the terms for what the next phone is offered."""
        return replace(self, number=self.phones)


class Ends(Struct, frozen=True, gc=False):
    """The latest descriptions of both ends."""

    client: Description
    phone: Description


# --- the phases of a session


class Offering(Struct, frozen=True, gc=False):
    """The offer is with the relay. ``fallback``: what the called end can be offered without the relay, None if
    nothing. ``moved``: the client that offers has other credentials than the relay was told.
    """

    terms: RelayRequest
    offer: Description
    fallback: Description | None
    moved: bool = False


class AwaitingAnswer(Struct, frozen=True, gc=False):
    """The relay's offer is with the called end. ``anew``: how the relay describes itself by now; None if as offered.
    ``moved``: see `Offering`.
    """

    terms: RelayRequest
    offer: Description
    anew: Description | None = None
    moved: bool = False


class OfferingAgain(Struct, frozen=True, gc=False):
    """The relay's offer is with the called end, and the relay has lost the session: it has been sent the offer once
    more. ``problem``: how it was lost, a sentence. ``moved``: see `Offering`.
    """

    terms: RelayRequest
    offer: Description
    problem: str
    moved: bool = False


class PassingAnswer(Struct, frozen=True, gc=False):
    """The answer is with the relay. ``told``: what the relay has been told; ``ends``: what it should know, which is
    something else if an end has moved since. ``anew``: see `AwaitingAnswer`. ``problem``: the relay has lost the
    session, and gets the offer again before the answer; None otherwise.
    """

    terms: RelayRequest
    told: Ends
    ends: Ends
    anew: Description | None = None
    problem: str | None = None


class Joined(Struct, frozen=True, gc=False):
    """Both ends have described themselves: audio passes."""

    terms: RelayRequest
    ends: Ends


class Renegotiating(Struct, frozen=True, gc=False):
    """An end has moved, so either end's description goes to the relay once more: first the client's as an offer, then
    the phone's as the answer. ``restarts``: the client has restarted ICE, and waits to be told where it is to send
    audio. ``problem``: the relay has lost the session, so both ends are told what is new; None otherwise. ``anew``: how
    the relay then describes itself to the phone, None if it has not yet. ``shows``: another phone is to have the place
    of this one, and the relay is asked how it describes itself to that; after a loss, when it has made the session
    again.
    """

    terms: RelayRequest
    ends: Ends
    restarts: bool
    problem: str | None = None
    anew: Description | None = None
    shows: bool = False


class AddingVideo(Struct, frozen=True, gc=False):
    """An end wants video (`adding`): the phone, if ``by_phone``, or else the client. ``told``: what the relay is told
    in this negotiation; ``ends``: what it should know, which is something else if an end has moved since.
    """

    terms: RelayRequest
    told: Ends
    ends: Ends
    by_phone: bool


class Deleting(Struct, frozen=True, gc=False):
    """The relay was told to end the session."""

    terms: RelayRequest


Passing: TypeAlias = Joined | Renegotiating | AddingVideo
Lasting: TypeAlias = Offering | AwaitingAnswer | OfferingAgain | PassingAnswer | Passing
RelaySession: TypeAlias = Lasting | Deleting
RelayLeg: TypeAlias = tuple[RelaySession, ...]


# --- what the relay is asked for


def first_offer(terms: RelayRequest, description: Description, reserved: tuple[int, ...] = ()) -> OfferRelay:
    """Return the command that makes the session, with what the calling end offers. ``reserved``: see `OfferRelay`."""
    if terms.outward:
        return _to_phone(terms, description, _FOR_PHONES, reserved)
    return offer_to_client(terms, description, reserved)


def offer_to_client(terms: RelayRequest, phone: Description, reserved: tuple[int, ...] = ()) -> OfferRelay:
    """Return the command that offers the client what the phone describes."""
    mux, closed = terms.profile is MediaProfile.DTLS, is_closed(terms, phone)
    return OfferRelay(
        terms.name,
        phone,
        terms.profile,
        mux,
        _FOR_CLIENTS,
        by=terms.phone,
        reserved=reserved,
        closed=closed,
        phone=terms.present,
    )


def is_closed(terms: RelayRequest, description: Description) -> bool:
    """Return True if a description has to have a stream for video that is not used (rule 3)."""
    return terms.video and description.video is None


def renumbers(terms: RelayRequest, ends: Ends) -> bool:
    """Return True if the called end has answered with other numbers than it was offered (rule 2)."""
    return bool(_renumbered(terms, ends))


def first_offer_again(terms: RelayRequest, ends: Ends) -> OfferRelay:
    """Return the command that makes the session anew for an answer that is known."""
    return first_offer(terms, ends.client if terms.outward else ends.phone, _renumbered(terms, ends))


def _renumbered(terms: RelayRequest, ends: Ends) -> tuple[int, ...]:
    shown, answer = (terms.shown.phone, ends.phone) if terms.outward else (terms.shown.client, ends.client)
    return renumbered(shown.codecs, answer.codecs) if shown else ()


def first_answer(terms: RelayRequest, ends: Ends) -> AnswerRelay:
    """Return the command that joins the ends, with what the called end answers."""
    if terms.outward:
        return to_client(terms, ends)
    mux, closed = terms.speaks is MediaProfile.DTLS, is_closed(terms, ends.client)
    return AnswerRelay(terms.name, ends.client, terms.speaks, mux, closed=closed, phone=terms.present)


def offer_again(terms: RelayRequest, ends: Ends) -> OfferRelay:
    """Return the command that begins a new negotiation, with how the client describes itself now."""
    # What the phone speaks must be in the new offer, as it is what it will be said to answer.
    transcode = dict.fromkeys((*_FOR_PHONES, *(codec.name for codec in ends.phone.codecs)))
    reserved = _renumbered(terms, ends) if terms.outward else renumbered(ends.client.codecs, ends.phone.codecs)
    client = replace(ends.client, codecs=_spoken(terms, ends))
    return _to_phone(terms, client, tuple(transcode), reserved)


def _spoken(terms: RelayRequest, ends: Ends) -> tuple[Codec, ...]:
    """Return the client's codecs as the relay is offered them once more (rule 4)."""
    agreed = terms.shown.client if terms.outward and terms.shown.client else ends.client
    first = next((kind(codec) for codec in agreed.codecs if is_voice(codec)), None)
    if first is None or first in map(kind, ends.phone.codecs):
        return ends.client.codecs
    return tuple(codec for codec in ends.client.codecs if not is_voice(codec) or kind(codec) == first)


def _to_phone(
    terms: RelayRequest, client: Description, transcode: tuple[str, ...], reserved: tuple[int, ...]
) -> OfferRelay:
    return OfferRelay(
        terms.name,
        client,
        terms.speaks,
        terms.speaks is MediaProfile.DTLS,
        transcode,
        _NOT_FOR_PHONES,
        terms.client,
        terms.family,
        terms.srtp,
        reserved,
        is_closed(terms, client),
        terms.present,
    )


def to_client(terms: RelayRequest, ends: Ends) -> AnswerRelay:
    """Return the command that tells the relay what the phone answers the client."""
    closed = is_closed(terms, ends.phone)
    return AnswerRelay(terms.name, ends.phone, terms.profile, ends.client.mux, terms.phone, closed, terms.present)
