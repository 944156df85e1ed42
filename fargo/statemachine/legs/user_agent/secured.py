"""Audio that is keyed by DTLS over ICE, on the SIP side: who begins the handshake, and what may change in mid-call.

Rules:

1. An end is "active" or "passive" in the handshake, the other end the opposite (RFC 5763 §5). The first offer and
   answer settle it, and each later description repeats it: no new association is wanted (RFC 8842 §5.5).
2. An answer that leaves it open is taken for an active one, as nearly all are.
3. A caller that leaves it open begins the handshake: it is the last to know both ends. If the client began, as it would
   (RFC 5763 §5), the first messages could reach a caller that has yet to get the answer, and not all recover from that.
4. Other credentials mean that ICE begins anew (RFC 8839 §4.4.1). A client that does so is followed by a re-INVITE,
   whose answer has other credentials, too. A far end cannot do so, nor show another certificate: the client's new
   credentials would have to be in the answer, and are not known in time.
5. Candidates that are added, or left out, change nothing: each end finds the other by its checks (RFC 8445 §7.3.1.3).
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.description import Description, IceUdp

_OPPOSITE: Final = {"active": "passive", "passive": "active"}


def role(transport: IceUdp) -> str:
    """Return what an end says of its role in the handshake, "" if nothing."""
    return transport.fingerprint.setup if transport.fingerprint else ""


def in_role(transport: IceUdp, setup: str) -> IceUdp:
    """Return the transport of an end in this role."""
    if transport.fingerprint is None or transport.fingerprint.setup == setup:
        return transport
    return replace(transport, fingerprint=replace(transport.fingerprint, setup=setup))


def settled(offer: IceUdp, answer: IceUdp) -> tuple[IceUdp, IceUdp]:
    """Return the transports of the end that has offered and of the one that has answered in their roles (rule 1)."""
    said = role(answer)
    if said not in _OPPOSITE:
        said = _OPPOSITE.get(role(offer), "active")
    return in_role(offer, _OPPOSITE[said]), in_role(answer, said)


def calling(transport: IceUdp) -> IceUdp:
    """Return the transport of a caller in the role that it is to have (rule 3)."""
    return in_role(transport, "active") if role(transport) == "actpass" else transport


def begins_anew(before: IceUdp, now: IceUdp) -> bool:
    """Return True if an end has other credentials for ICE, or another certificate (rule 4)."""
    return (before.ufrag, before.pwd, _certificate(before)) != (now.ufrag, now.pwd, _certificate(now))


def _certificate(transport: IceUdp) -> tuple[str, str] | None:
    found = transport.fingerprint
    return (found.hash.lower(), found.value.upper()) if found else None


def moved(local: Description, transport: IceUdp) -> Description:
    """Return an end whose ICE has begun anew, in the role that it has; the same object if it has not, or has yet to
    name a candidate.
    """
    before = local.transport
    if not isinstance(before, IceUdp) or not transport.candidates or not begins_anew(before, transport):
        return local
    return replace(local, transport=in_role(transport, role(before)))
