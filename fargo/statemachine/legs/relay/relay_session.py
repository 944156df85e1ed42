"""A session at the media relay: the phases that it goes through, and how the relay is told of each end."""

from typing import Final, TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import IPV4, Description, Family, MediaProfile, Srtp
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayParty

# Codecs that the relay offers besides the offerer's own: to a phone what every phone has, to a client what every
# client of today has.
_FOR_PHONES: Final = ("PCMU", "PCMA", "telephone-event")
_FOR_CLIENTS: Final = ("opus", "PCMU", "PCMA", "telephone-event")
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
    """

    name: str
    profile: MediaProfile
    outward: bool
    why: str
    family: Family = IPV4
    srtp: Srtp = "off"
    follows: bool = False
    shown: Told = Told()

    @property
    def client(self) -> RelayParty:
        """Return which end the client is."""
        return RelayParty.OFFERER if self.outward else RelayParty.ANSWERER

    @property
    def phone(self) -> RelayParty:
        """Return which end the phone is."""
        return RelayParty.ANSWERER if self.outward else RelayParty.OFFERER


class Ends(Struct, frozen=True, gc=False):
    """The latest descriptions of both ends."""

    client: Description
    phone: Description


# --- the phases of a session


class Offering(Struct, frozen=True, gc=False):
    """The offer is with the relay. ``fallback``: what the called end can be offered without the relay, None if
    nothing. ``moved``: the client that offers has said more of its transport since the relay was told.
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
    the relay then describes itself to the phone, None if it has not yet.
    """

    terms: RelayRequest
    ends: Ends
    restarts: bool
    problem: str | None = None
    anew: Description | None = None


class Deleting(Struct, frozen=True, gc=False):
    """The relay was told to end the session."""

    terms: RelayRequest


Passing: TypeAlias = Joined | Renegotiating
Lasting: TypeAlias = Offering | AwaitingAnswer | OfferingAgain | PassingAnswer | Joined | Renegotiating
RelaySession: TypeAlias = Lasting | Deleting


# --- what the relay is asked for


def first_offer(terms: RelayRequest, description: Description) -> OfferRelay:
    """Return the command that makes the session, with what the calling end offers."""
    if terms.outward:
        return _to_phone(terms, description, _FOR_PHONES)
    return OfferRelay(terms.name, description, terms.profile, terms.profile is MediaProfile.DTLS, _FOR_CLIENTS)


def first_answer(terms: RelayRequest, ends: Ends) -> AnswerRelay:
    """Return the command that joins the ends, with what the called end answers."""
    return to_client(terms, ends) if terms.outward else AnswerRelay(terms.name, ends.client, MediaProfile.PLAIN)


def offer_again(terms: RelayRequest, ends: Ends) -> OfferRelay:
    """Return the command that begins a new negotiation, with how the client describes itself now."""
    # What the phone speaks must be in the new offer, as it is what it will be said to answer.
    transcode = dict.fromkeys((*_FOR_PHONES, *(codec.name for codec in ends.phone.codecs)))
    return _to_phone(terms, ends.client, tuple(transcode))


def _to_phone(terms: RelayRequest, client: Description, transcode: tuple[str, ...]) -> OfferRelay:
    return OfferRelay(
        terms.name,
        client,
        MediaProfile.PLAIN,
        False,
        transcode,
        _NOT_FOR_PHONES,
        terms.client,
        terms.family,
        terms.srtp,
    )


def to_client(terms: RelayRequest, ends: Ends) -> AnswerRelay:
    """Return the command that tells the relay what the phone answers the client."""
    return AnswerRelay(terms.name, ends.phone, terms.profile, ends.client.mux, terms.phone)
