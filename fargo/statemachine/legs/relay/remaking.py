"""The addresses of a relay that has lost a session and made it again: who has to be told, and who can be.

Rules:

1. An end is told only what is new to it. A relay that was silent for a while and has kept the session has nothing new.
2. A phone is told by a re-INVITE, if its SIP engine can send one (`RelayRequest.follows`).
3. A client is told by transport-info. With DTLS it expects the certificate that it was told first, and no client takes
   another one for a session, so it cannot follow to a relay that has another.
4. Encrypted audio of the phone goes on with the suite that was settled, and new keys of the relay.
"""

from typing import Final, NamedTuple

from msgspec.structs import replace

from fargo.statemachine.legs.leg_events import TransportChanged
from fargo.statemachine.legs.relay.relay_session import Ends, RelayRequest
from fargo.statemachine.media.description import Crypto, Description, IceUdp, RawUdp, Transport
from fargo.statemachine.reason import Reason


class Rerouted(NamedTuple):
    """The relay takes audio elsewhere. What the client and the phone have to be told; None if nothing is new."""

    to_client: TransportChanged | None
    to_phone: TransportChanged | None


_NOTHING: Final = Rerouted(None, None)


# --- what an end was told


def shown_to_called(terms: RelayRequest, description: Description) -> RelayRequest:
    """Return the terms after the relay's offer to the called end."""
    return _shown_to(terms, not terms.outward, description)


def shown_to_caller(terms: RelayRequest, description: Description) -> RelayRequest:
    """Return the terms after the relay's answer to the calling end."""
    return _shown_to(terms, terms.outward, description)


def shown_to_client(terms: RelayRequest, description: Description) -> RelayRequest:
    """Return the terms after the client was told where the relay is."""
    return _shown_to(terms, True, description)


def _shown_to(terms: RelayRequest, client: bool, description: Description) -> RelayRequest:
    shown = replace(terms.shown, client=description) if client else replace(terms.shown, phone=description)
    return replace(terms, shown=shown)


# --- who can follow


def phone_follows(terms: RelayRequest, anew: Description) -> bool:
    """Return True if the phone can send its audio to the relay as it describes itself anew (rule 2)."""
    return terms.follows or not _differ(terms.shown.phone, anew)


def client_follows(terms: RelayRequest, anew: Description) -> bool:
    """Return True if the client can (rule 3)."""
    before = terms.shown.client
    return before is None or _certificate(before.transport) == _certificate(anew.transport)


def _certificate(transport: Transport) -> str | None:
    return transport.fingerprint.value if isinstance(transport, IceUdp) and transport.fingerprint else None


# --- what an end is told


def moved_called(
    terms: RelayRequest, anew: Description, ends: Ends, lost: Reason
) -> tuple[RelayRequest, tuple[Rerouted, ...]]:
    """Return the terms after the called end has answered the relay's first offer, and what it is told of ``anew``."""
    if terms.outward:
        return moved(terms, None, anew, ends, lost)
    return moved(terms, anew, None, ends, lost)


def moved(
    terms: RelayRequest, for_client: Description | None, for_phone: Description | None, ends: Ends, lost: Reason
) -> tuple[RelayRequest, tuple[Rerouted, ...]]:
    """Return the terms after a session was made again, and what the ends are told; None: that end needs not be."""
    shown, rerouted = terms.shown, _NOTHING
    if for_client is not None and _differ(shown.client, for_client):
        for_client = _next_generation(shown.client, for_client)
        rerouted = rerouted._replace(to_client=_told(for_client, lost))
        shown = replace(shown, client=for_client)
    if for_phone is not None and _differ(shown.phone, for_phone):
        for_phone = replace(for_phone, crypto=_settled(for_phone.crypto, ends.phone, terms))
        rerouted = rerouted._replace(to_phone=_told(for_phone, lost))
        shown = replace(shown, phone=for_phone)
    return replace(terms, shown=shown), (rerouted,) if rerouted != _NOTHING else ()


def _told(description: Description, lost: Reason) -> TransportChanged:
    assert isinstance(description.transport, IceUdp | RawUdp), "the relay has no other transports"
    return TransportChanged(description.transport, description.crypto, lost)


def _differ(before: Description | None, anew: Description) -> bool:
    """Return True if an end would send its audio elsewhere, or with another key (rule 1)."""
    if before is None or _place(before.transport) != _place(anew.transport):
        return True
    return not {(e.suite, e.key) for e in before.crypto} <= {(e.suite, e.key) for e in anew.crypto}


def _place(transport: Transport) -> object:
    match transport:
        case RawUdp(candidates):
            return [(each.component, each.ip, each.port) for each in candidates]
        case IceUdp(ufrag, pwd, candidates):
            return ufrag, pwd, [(each.component, each.ip, each.port) for each in candidates]
        case _:
            return transport


def _next_generation(before: Description | None, anew: Description) -> Description:
    """Return a description whose plain addresses are marked as new ones (XEP-0177 §4.2)."""
    if before is None or not isinstance(before.transport, RawUdp) or not isinstance(anew.transport, RawUdp):
        return anew
    generation = 1 + max((each.generation for each in before.transport.candidates), default=-1)
    candidates = tuple(replace(each, generation=generation) for each in anew.transport.candidates)
    return replace(anew, transport=RawUdp(candidates))


# --- the phone's encryption (rule 4)


def answering(phone: Description, terms: RelayRequest, offer: Description) -> Description:
    """Return the phone's description as an answer to the relay's new offer: its key has the tag of that."""
    suites = {each.suite for each in _settled(phone.crypto, phone, terms)}
    keys = {each.suite: each for each in phone.crypto if each.suite in suites}
    return replace(phone, crypto=tuple(replace(keys[e.suite], tag=e.tag) for e in offer.crypto if e.suite in keys))


def _settled(keys: tuple[Crypto, ...], phone: Description, terms: RelayRequest) -> tuple[Crypto, ...]:
    """Return the key for the suite that phone and relay have agreed on; none without encryption."""
    relay = terms.shown.phone.crypto if terms.shown.phone else ()
    common = {each.suite for each in relay} & {each.suite for each in phone.crypto}
    return tuple(each for each in keys if each.suite in common)[:1]
