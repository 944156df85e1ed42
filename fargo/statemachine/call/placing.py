"""The beginnings of a call: what the called end is offered, and by which path.

Rules:

1. If audio goes through the relay, the relay is offered what the calling end offers, and the called end what the relay
   answers.
2. What the called end can be offered without the relay is kept for the case that the relay fails (`_fallback`). With
   encryption that is nothing.
"""

from msgspec.structs import replace

from fargo.statemachine.call import texts
from fargo.statemachine.call.call_state import Call, RelayRetry
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle.forking import Forking, Searching
from fargo.statemachine.legs.jingle.jingle_leg import JingleLeg
from fargo.statemachine.legs.jingle.single_session import Calling, Describing
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.relay.relay_session import RelayRequest
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Line, Over, Preparing
from fargo.statemachine.media import paths, pictures
from fargo.statemachine.media.description import (
    IPV4,
    IPV6,
    Description,
    MediaProfile,
    RawUdp,
    Srtp,
    families,
    is_ipv6_only,
    is_secured,
    takes,
)
from fargo.statemachine.media.offer import Audio
from fargo.statemachine.media.paths import PathChoice, Policy
from fargo.statemachine.model.call_records import (
    AudioPath,
)


def place(id: str, leg: JingleLeg, audio: Audio, line: Line, way: PathChoice, policy: Policy, effects: Effects) -> Call:
    """Offer to the phone what the user's client offers, by the path that was chosen. ``id`` is that of the call."""
    call = Call(id, line.connection, effects.at, leg, Preparing(line))
    if isinstance(leg, Describing):
        return replace(call, undescribed=policy)
    return placed(call, audio.description, audio.profile, line, way, policy, effects)


def placed(
    call: Call,
    description: Description,
    profile: MediaProfile,
    line: Line,
    way: PathChoice,
    policy: Policy,
    effects: Effects,
) -> Call:
    """Offer the client's description to the phone, directly or through the relay."""
    session = f"{line.nonce}{effects.version}"
    follows = sip_leg.capabilities(call.sip).transport_change
    if way.path is AudioPath.DIRECT:
        if way == paths.END_TO_END:
            session = f"{session}-{call.id}"  # the time of several calls may come at once (`describing`)
        why = texts.DTLS_REFUSED if profile is MediaProfile.DTLS else texts.CODECS_REFUSED
        terms = RelayRequest(session, profile, True, why, line.family, line.srtp, follows)
        retry = RelayRetry(line, terms, description) if paths.relays(policy) else None
        return replace(call, sip=sip_leg.place(line, description, effects), relay_retry=retry)
    seen = description.video is not None
    terms = RelayRequest(session, profile, True, way.why, line.family, line.srtp, follows, video=seen)
    fallback = _fallback(call, terms, description, policy)
    return replace(call, relay=relay_leg.offer((), terms, description, fallback, effects))


def _fallback(call: Call, terms: RelayRequest, description: Description, policy: Policy) -> Description | None:
    """Return what the other end can be offered if the relay fails; None if nothing."""
    if terms.srtp == "required" or description.crypto:
        return None
    plain = terms.profile is MediaProfile.PLAIN and isinstance(description.transport, RawUdp)
    direct = plain and takes(description, sip_leg.capabilities(call.sip).families)
    return pictures.without(description) if direct and policy.path == "auto" else None


def prepared(call: Call, leg: Searching | Forking, profile: MediaProfile, policy: Policy, effects: Effects) -> Call:
    """Ask the relay for the offer to clients of a profile, unless there is one."""
    if profile in leg.invitation.contents or relay_leg.has(call.relay, profile):
        return call
    description = sip_leg.offered(call.sip)
    if description is None:
        return call
    apart = is_ipv6_only(description)
    sees = paths.sees(policy, sip_leg.capabilities(call.sip).video, bool(description.crypto))
    description = description if sees else pictures.without(description)
    seen = description.video is not None
    why = paths.relayed(profile, sip_leg.direct_profiles(call.sip), policy, apart, seen).why
    name = f"{leg.invitation.sid}-{effects.version}-{profile}"
    speaks = MediaProfile.DTLS if is_secured(description) else MediaProfile.PLAIN
    family = IPV6 if apart else IPV4
    follows = speaks is MediaProfile.PLAIN and sip_leg.capabilities(call.sip).transport_change
    terms = RelayRequest(name, profile, False, why, family, _srtp(description), follows, speaks=speaks, video=seen)
    fallback = _fallback(call, terms, description, policy)
    return replace(call, relay=relay_leg.offer(call.relay, terms, description, fallback, effects))


def _srtp(offer: Description) -> Srtp:
    """Return the encryption that a phone offers."""
    if not offer.crypto:
        return "off"
    return "required" if offer.encryption_required else "optional"


def second(call: Call) -> RelayRetry | None:
    """Return what is left to try, if the client still calls and nothing is left of the first call to the phone."""
    return call.relay_retry if isinstance(call.jingle, Calling) and isinstance(call.sip, Over) else None


def is_apart(call: Call, answer: Description) -> bool:
    """Return True if the client has answered without an address in a family of the phone's offer. With ICE both ends
    may have others than they name.
    """
    offered = sip_leg.offered(call.sip)
    theirs = families(offered) if offered and isinstance(answer.transport, RawUdp) else ()
    return bool(theirs) and not takes(answer, theirs)
