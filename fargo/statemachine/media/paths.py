"""The path that a call's audio takes: directly between client and phone, or through the media relay; and why.

Rules:

1. Audio goes directly wherever both ends have a media profile and a codec in common. Which profiles the SIP side has,
   its engine and its offer say. As long as the other end has not answered, a common codec is expected if one is
   offered that every phone has (RFC 3551 §6: PCMU, PCMA). If that proves wrong, the relay is the second choice.
   An end with DTLS is expected to have opus, too.
2. A call without a common profile or codec needs the relay.
3. A client with plain RTP needs an address family in common with the phone. The phone's is that of its offer; that of
   a phone that is called is unknown, and expected to be that of the account's server. If the client does not have it,
   the relay translates. Without a relay such a call is tried directly.
4. The operator may forbid the relay, or want it in every call.
5. A client with DTLS and a phone with DTLS encrypt from end to end. Whether a phone that is called has it, its number
   does not say. It is offered DTLS if it is known to have it, or always until it refuses, as the operator wants; and in
   any case if there is no relay, as that is the only way (`offers_dtls`).
6. Audio between gateway and provider is encrypted (SRTP) by the relay, and only if the provider is reached over TLS:
   else everyone on the way could read the keys (RFC 4568 §8.1). If an account requires encryption and that is
   impossible, there is no call; if it only prefers it, audio is plain, and may go directly.
7. Video goes through the relay, also between ends that could do without it for audio, and is plain towards the phone.
   So a call whose audio is encrypted there has none.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias, assert_never

from msgspec import Struct

from fargo.statemachine.media import texts
from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import Codec, Description, MediaProfile, Srtp, is_ipv6_only, is_secured
from fargo.statemachine.model.call_records import AudioPath
from fargo.statemachine.model.requests import DialRule
from fargo.statemachine.model.sip import DEFAULT_ENGINE, SipEngine
from fargo.statemachine.reason import Cause, Reason

Choice: TypeAlias = Literal["auto", "direct", "relay"]
EarlyChoice: TypeAlias = Literal["ringing", "announcements", "always"]

_EVERYWHERE: Final = frozenset({"pcmu", "pcma"})
_WANTS: Final = {MediaProfile.ICE: texts.ICE, MediaProfile.DTLS: texts.DTLS}
_BEST_RELAYED: Final = (MediaProfile.DTLS, MediaProfile.ICE, MediaProfile.PLAIN)


RING_SECONDS: Final = 180
MOST_CALLS: Final = 8
"""The number of calls that a user may be in at a time, unless the operator has set another."""
EndToEnd: TypeAlias = Literal["known", "always", "never"]
EmergencyCalls: TypeAlias = Literal["call", "refuse"]
ForeignCalls: TypeAlias = Literal["provider", "direct", "refuse"]


class Policy(Struct, frozen=True, gc=False, omit_defaults=True):
    """The operator's configuration: the path that audio takes, whether there is a relay, the SIP engine of all
    accounts, and the seconds that a call may ring.

    ``emergency_numbers``: the numbers to which no limit applies; ``emergency``: if they are called or refused.
    ``most_calls``: the calls that a user may be in at a time.
    ``early``: the audio that the user hears before a phone has answered: none, what is not ringing, or all.
    ``country``: that in which numbers without a + are dialled (ISO 3166), unless the account says another.
    ``dial_rules``: those of all users, which apply behind their own (`dial_rules.rewriting`).
    ``stay_signed_in``: accounts stay signed in when no client of the user is online, unless the user wants otherwise.
    ``video``: calls may have video.
    ``foreign``: if calls to other domains than the account's go through its server, to that domain's, or nowhere.
    ``edge``: the addresses and ports of the SIP edge, in any form: what differs is another edge; "" if none is told.
    ``end_to_end``: the phones that are offered encryption from end to end (rule 5): those that are known to have it,
    all that are not known to lack it, or none.
    """

    path: Choice = "auto"
    relay: bool = False
    engine: SipEngine = DEFAULT_ENGINE
    ring_seconds: int = RING_SECONDS
    emergency_numbers: tuple[str, ...] = ()
    emergency: EmergencyCalls = "call"
    early: EarlyChoice = "ringing"
    foreign: ForeignCalls = "provider"
    most_calls: int = MOST_CALLS
    country: str | None = None
    dial_rules: tuple[DialRule, ...] = ()
    stay_signed_in: bool = False
    video: bool = False
    edge: str = ""
    end_to_end: EndToEnd = "known"


class PathChoice(Struct, frozen=True, gc=False):
    """A path that was chosen, and a sentence that says why."""

    path: AudioPath
    why: str


DIRECT: Final = PathChoice(AudioPath.DIRECT, texts.BOTH_PLAIN)
END_TO_END: Final = PathChoice(AudioPath.DIRECT, texts.END_TO_END)
APART: Final = Reason(Cause.TRANSPORT, texts.NO_COMMON_FAMILY)
"""The reason of a call whose ends have addresses of different families, and no relay between them."""


def relays(policy: Policy) -> bool:
    """Return True if calls may go through the relay."""
    return policy.relay and policy.path != "direct"


def sees(policy: Policy, able: bool, encrypts: bool) -> bool:
    """Return True if a call can have video (rule 7). ``able``: its SIP engine can. ``encrypts``: its audio may be
    encrypted towards the phone.
    """
    return policy.video and relays(policy) and able and not encrypts


def direct(profile: MediaProfile) -> PathChoice:
    """Return the direct path between a client and a phone in a profile that both have."""
    return END_TO_END if profile is MediaProfile.DTLS else DIRECT


def offers_dtls(able: bool | None, policy: Policy) -> bool:
    """Return True if a phone is offered DTLS by a client that has it (rule 5). ``able``: what is known of the phone."""
    match policy.end_to_end:
        case "never":
            return False
        case "known":
            return able is True or not relays(policy)
        case "always":
            return able is not False or not relays(policy)
        case _:
            assert_never(policy.end_to_end)


def srtp(wanted: Srtp, secure: bool, policy: Policy) -> Srtp | Reason:
    """Return the use of SRTP in a call, or why there can be none (rule 6).

    ``wanted``: that of the account. ``secure``: the provider is reached over TLS.
    """
    possible = secure and relays(policy)
    match wanted:
        case "optional":
            return "optional" if possible else "off"
        case "off":
            return "off"
        case "required" if possible:
            return "required"
        case "required":
            return Reason(Cause.SECURITY, texts.SRTP_NEEDS_RELAY if secure else texts.SRTP_NEEDS_TLS)
        case _:
            assert_never(wanted)


def choose(
    codecs: tuple[Codec, ...],
    profile: MediaProfile,
    spoken: tuple[MediaProfile, ...],
    policy: Policy,
    apart: bool = False,
    seen: bool = False,
) -> PathChoice | Reason:
    """Return the path for a call between a client and a phone, or why there is none.

    ``codecs``: what the calling end offers. ``profile``: the client's. ``spoken``: the profiles of the SIP side, none
    if its audio is to be encrypted. ``apart``: no address family is expected to be common to both ends (rule 3).
    ``seen``: the calling end offers video that can be carried (rule 7).
    """
    shared = profile in spoken
    if relays(policy):
        expected = profile is MediaProfile.DTLS or _is_common(codecs)
        needed = not shared or apart or seen or policy.path == "relay" or not expected
        return relayed(profile, spoken, policy, apart, seen) if needed else direct(profile)
    if shared:
        return direct(profile)
    return Reason(Cause.TRANSPORT, texts.RELAY_NOT_USED if policy.relay else texts.NO_RELAY)


def relayed(
    profile: MediaProfile, spoken: tuple[MediaProfile, ...], policy: Policy, apart: bool = False, seen: bool = False
) -> PathChoice:
    """Return the path through the relay, and why a call with a client of that profile takes it."""
    if MediaProfile.PLAIN not in spoken and profile not in spoken:
        return PathChoice(AudioPath.RELAY, texts.RELAY_ENCRYPTS)
    if profile not in spoken:
        return PathChoice(AudioPath.RELAY, texts.WANTS_OTHER_PROFILE.format(profile=_WANTS[profile]))
    if apart and policy.path != "relay":
        return PathChoice(AudioPath.RELAY, texts.OTHER_FAMILY)
    if seen and policy.path != "relay":
        return PathChoice(AudioPath.RELAY, texts.RELAY_FOR_VIDEO)
    why = texts.RELAY_ALWAYS if policy.path == "relay" else texts.NO_COMMON_CODEC_OFFERED
    return PathChoice(AudioPath.RELAY, why)


@lru_cache(256)
def _is_common(codecs: tuple[Codec, ...]) -> bool:
    return any(kind(codec)[0] in _EVERYWHERE for codec in codecs)


def as_it_is(
    offer: Description, spoken: tuple[MediaProfile, ...], policy: Policy, seen: bool = False
) -> MediaProfile | None:
    """Return the profile of the clients that can take a phone's offer as it is; None if none can. ``seen``: clients are
    offered its video, too.
    """
    profile = MediaProfile.DTLS if is_secured(offer) else MediaProfile.PLAIN
    apart = profile is MediaProfile.PLAIN and is_ipv6_only(offer)
    chosen = choose(offer.codecs, profile, spoken, policy, apart, seen)
    return profile if isinstance(chosen, PathChoice) and chosen.path is AudioPath.DIRECT else None


def profile_for(
    profiles: tuple[MediaProfile, ...], direct: Sequence[MediaProfile], policy: Policy
) -> MediaProfile | None:
    """Return the profile in which a client is called; None if it cannot be called.

    ``profiles``: the client's. ``direct``: those in which it can be offered what the caller offers.
    """
    for profile in profiles:
        if profile in direct:
            return profile
    if not relays(policy):
        return None
    return next((profile for profile in _BEST_RELAYED if profile in profiles), None)


def expected(direct: Sequence[MediaProfile], policy: Policy) -> MediaProfile | None:
    """Return the profile that a client is expected to have of which nothing is known: that of mobile clients, which
    needs the relay, or else what goes directly; None if nothing does. ``direct``: as in `profile_for`.
    """
    if relays(policy):
        return MediaProfile.DTLS
    return direct[0] if direct else None


def reaches(profiles: tuple[MediaProfile, ...], spoken: tuple[MediaProfile, ...], policy: Policy) -> bool:
    """Return True if a client with these profiles can be called. ``spoken``: the profiles of the SIP side."""
    if relays(policy):
        return bool(profiles)
    return not set(spoken).isdisjoint(profiles)
