"""Keep all that a client has said of its transport in a session so far: in its offer or answer, and in transport-info.

Rules:

1. Credentials, candidates and the fingerprint may come in any stanza, together or apart (XEP-0176 §5.3 and §5.5,
   XEP-0320 §3). The last word on each counts.
2. Candidates are added to those before. If other credentials come with them, ICE begins anew with these candidates
   only (RFC 8445 §9); the certificate stays the same unless the client names another.
3. Credentials that the client has left count no more: candidates that are late may still name them.
4. Plain addresses replace those before (XEP-0177 §4.2).
5. The offer or answer says which transport it is. Only transport-replace could change that, so what is said of another
   transport is ignored.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media.description import (
    Candidate,
    Content,
    IceUdp,
    RawUdp,
    RefusedAddress,
    Transport,
    UnknownTransport,
)

_MOST_CANDIDATES: Final = 64
_MOST_LEFT: Final = 16
_ABSENT: Final = UnknownTransport("")


class Trickled(Struct, frozen=True, gc=False):
    """All that is known of a client's transport. ``transport``: None if nothing is. ``left``: the ufrags that it used
    for ICE before.
    """

    transport: IceUdp | RawUdp | None = None
    left: tuple[str, ...] = ()


def heard(told: Trickled, transport: Transport | None) -> Trickled:
    """Return what is known after a transport-info."""
    match transport, told.transport:
        case IceUdp(), IceUdp() as before:
            return _heard_ice(told, before, transport)
        case RawUdp(candidates, refused), RawUdp():
            return replace(told, transport=transport) if candidates or refused else told
        case IceUdp() | RawUdp(), None:
            return Trickled(transport)
        case _:
            return told


def described(told: Trickled, content: Content) -> tuple[Trickled, Content]:
    """Return what is known after an offer or answer of audio, and that content with all that is known (rule 5)."""
    if content.description is None:
        return told, content
    said = content.description.transport
    if said == _ABSENT and told.transport is not None:
        known = told
    elif isinstance(said, type(told.transport)):
        known = heard(told, said)
    else:
        known = heard(Trickled(), said)
    return known, completed(known, content)


def completed(told: Trickled, content: Content) -> Content:
    """Return the content of an offer or answer with all that is known of its transport."""
    if content.description is None or told.transport is None:
        return content
    return replace(content, description=replace(content.description, transport=told.transport))


def lacks_credentials(told: Trickled) -> bool:
    """Return True if the client uses ICE, and has not yet said with which credentials (XEP-0176 §5.3)."""
    return isinstance(told.transport, IceUdp) and not (told.transport.ufrag and told.transport.pwd)


def names_an_address(told: Trickled) -> bool:
    """Return True if the client has named a candidate for ICE."""
    return isinstance(told.transport, IceUdp) and bool(told.transport.candidates)


def is_complete(told: Trickled) -> bool:
    """Return True if the client has said that it has named all its candidates."""
    return isinstance(told.transport, IceUdp) and told.transport.complete


def _heard_ice(told: Trickled, before: IceUdp, said: IceUdp) -> Trickled:
    if said.ufrag in told.left:
        return told
    fingerprint = said.fingerprint or before.fingerprint
    if before.ufrag and said.ufrag not in ("", before.ufrag):
        anew = replace(said, candidates=_each_once(said.candidates), fingerprint=fingerprint)
        return Trickled(anew, (*told.left, before.ufrag)[-_MOST_LEFT:])
    both = IceUdp(
        said.ufrag or before.ufrag,
        said.pwd or before.pwd,
        _each_once((*before.candidates, *said.candidates)),
        fingerprint,
        before.complete or said.complete,
        _refused_once((*before.refused, *said.refused)),
    )
    return replace(told, transport=both)


def _each_once(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the latest candidate of each address, as many as there may be."""
    latest = {(each.component, each.protocol, each.ip, each.port): each for each in candidates}
    return tuple(latest.values())[-_MOST_CANDIDATES:]


def _refused_once(refused: tuple[RefusedAddress, ...]) -> tuple[RefusedAddress, ...]:
    return tuple(dict.fromkeys(refused))[-_MOST_CANDIDATES:]
