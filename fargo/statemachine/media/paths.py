"""Which way a call's audio goes: directly between client and phone, or through the media relay; and why.

Rules:

1. Direct wherever both ends speak plain RTP and have a codec in common. Before the other end has answered, that is to
   be expected if one of the codecs is offered that every phone has (RFC 3551 §6: PCMU, PCMA).
   If that was wrong, the relay is the second choice.
2. A client that wants ICE or DTLS needs the relay, as no phone speaks those; so does a call without common codec.
3. The operator may forbid the relay, or want it in every call.
"""

from functools import lru_cache
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Codec, MediaProfile, kind
from fargo.statemachine.model.call_records import AudioPath
from fargo.statemachine.reason import Cause, Reason

Choice: TypeAlias = Literal["auto", "direct", "relay"]

_EVERYWHERE: Final = frozenset({"pcmu", "pcma"})
_WANTS: Final = {MediaProfile.ICE: "ICE", MediaProfile.DTLS: "encryption (DTLS) over ICE"}
_BEST_RELAYED: Final = (MediaProfile.DTLS, MediaProfile.ICE, MediaProfile.PLAIN)


class Policy(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the operator wants: which way audio goes, and whether there is a relay that it could go through."""

    path: Choice = "auto"
    relay: bool = False


class PathChoice(Struct, frozen=True, gc=False):
    """A way that was chosen, and why: a sentence."""

    path: AudioPath
    why: str


DIRECT: Final = PathChoice(AudioPath.DIRECT, "Client and phone both speak plain RTP.")

TRANSLATED: Final = "The phone has none of the client's codecs, so the relay translates."
"""Why the second choice."""


def relays(policy: Policy) -> bool:
    """Whether calls may go through the relay."""
    return policy.relay and policy.path != "direct"


def choose(codecs: tuple[Codec, ...], profile: MediaProfile, policy: Policy) -> PathChoice | Reason:
    """The way for a call between a client that speaks in a manner and a phone, one of which offers the codecs; or why
    there is none.
    """
    if relays(policy):
        needed = profile is not MediaProfile.PLAIN or policy.path == "relay" or not _is_common(codecs)
        return relayed(profile, policy) if needed else DIRECT
    if profile is MediaProfile.PLAIN:
        return DIRECT
    lacks = "does not use its media relay" if policy.relay else "has no media relay"
    text = f"The client offers no plain RTP address (raw-udp), and this gateway {lacks}."
    return Reason(Cause.TRANSPORT, text)


def relayed(profile: MediaProfile, policy: Policy) -> PathChoice:
    """The way of a call that goes through the relay."""
    if profile is not MediaProfile.PLAIN:
        return PathChoice(AudioPath.RELAY, f"The client wants {_WANTS[profile]}, and phones speak plain RTP only.")
    if policy.path == "relay":
        return PathChoice(AudioPath.RELAY, "The gateway is set up to relay every call.")
    return PathChoice(AudioPath.RELAY, "Neither PCMU nor PCMA is offered, so the relay translates between codecs.")


@lru_cache(256)
def _is_common(codecs: tuple[Codec, ...]) -> bool:
    return any(kind(codec)[0] in _EVERYWHERE for codec in codecs)


def goes_directly(codecs: tuple[Codec, ...], policy: Policy) -> bool:
    """Whether clients that speak plain RTP can take a phone's offer as it is."""
    return choose(codecs, MediaProfile.PLAIN, policy) == DIRECT


def profile_for(profiles: tuple[MediaProfile, ...], direct: bool, policy: Policy) -> MediaProfile | None:
    """In which of the manners that a client speaks it is called; None if in none. ``direct``: whether the caller can be
    reached without the relay.
    """
    if direct and MediaProfile.PLAIN in profiles:
        return MediaProfile.PLAIN
    if not relays(policy):
        return None
    return next((profile for profile in _BEST_RELAYED if profile in profiles), None)


def reaches(profiles: tuple[MediaProfile, ...], policy: Policy) -> bool:
    """Whether a client that speaks in these manners can be called at all."""
    return bool(profiles) if relays(policy) else MediaProfile.PLAIN in profiles
