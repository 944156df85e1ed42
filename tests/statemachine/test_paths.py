"""The choice of the audio path. docs/mapping.md describes it, and test_mapping.py compares it with that page."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.media.description import Codec, MediaProfile
from fargo.statemachine.media.paths import (
    DIRECT,
    END_TO_END,
    EndToEnd,
    PathChoice,
    Policy,
    as_it_is,
    choose,
    offers_dtls,
    profile_for,
    reaches,
    relayed,
    relays,
)
from fargo.statemachine.model.call_records import AudioPath
from fargo.statemachine.reason import Cause, Reason

from .relayed import AT_CLIENT, OPUS, PHONE_OFFER
from .relayed import DTLS as DTLS_OFFER
from .story import PCMA, PCMU

AUTO, ALWAYS, NEVER = Policy(relay=True), Policy("relay", relay=True), Policy("direct", relay=True)
NONE = Policy()
EVERY = (AUTO, ALWAYS, NEVER, NONE)
PLAIN, ICE, DTLS = MediaProfile
SPOKEN = (PLAIN,)
"""The profiles of the SIP side."""


def way(codecs: tuple[Codec, ...], profile: MediaProfile, policy: Policy) -> AudioPath | Cause:
    found = choose(codecs, profile, SPOKEN, policy)
    return found.path if isinstance(found, PathChoice) else found.cause


def directly(codecs: tuple[Codec, ...], policy: Policy) -> bool:
    return as_it_is(replace(PHONE_OFFER, codecs=codecs), SPOKEN, policy) is PLAIN


def test_whether_calls_may_go_through_the_relay() -> None:
    assert [relays(policy) for policy in EVERY] == [True, True, False, False]
    assert not relays(Policy("relay"))  # there is none


@pytest.mark.parametrize("codec", [PCMU, PCMA, Codec(0), Codec(8), Codec(98, "pcma", 8000)])
def test_a_codec_that_every_phone_has_goes_directly(codec: Codec) -> None:
    offered = (OPUS, codec)
    assert [way(offered, PLAIN, policy) for policy in EVERY] == [
        AudioPath.DIRECT,
        AudioPath.RELAY,
        AudioPath.DIRECT,
        AudioPath.DIRECT,
    ]
    assert [directly(offered, policy) for policy in EVERY] == [True, False, True, True]


def test_no_such_codec_needs_the_relay_if_there_is_one() -> None:
    offered = (OPUS, Codec(9, "G722", 8000))
    assert [way(offered, PLAIN, policy) for policy in EVERY] == [
        AudioPath.RELAY,
        AudioPath.RELAY,
        AudioPath.DIRECT,
        AudioPath.DIRECT,
    ]
    assert [directly(offered, policy) for policy in EVERY] == [False, False, True, True]


@pytest.mark.parametrize("profile", [ICE, DTLS])
def test_what_phones_do_not_speak_needs_the_relay(profile: MediaProfile) -> None:
    ways = [way((PCMU,), profile, policy) for policy in EVERY]
    assert ways == [AudioPath.RELAY, AudioPath.RELAY, Cause.TRANSPORT, Cause.TRANSPORT]
    assert choose((PCMU,), profile, SPOKEN, AUTO) == relayed(profile, SPOKEN, AUTO)


def test_the_client_comes_first_among_the_reasons() -> None:
    assert relayed(DTLS, SPOKEN, ALWAYS) == relayed(DTLS, SPOKEN, AUTO)
    assert relayed(ICE, SPOKEN, AUTO) != relayed(DTLS, SPOKEN, AUTO)
    assert relayed(PLAIN, SPOKEN, AUTO) != relayed(PLAIN, SPOKEN, ALWAYS)
    assert choose((PCMU,), PLAIN, SPOKEN, AUTO) is DIRECT


def test_a_refusal_says_whether_there_is_a_relay() -> None:
    refusals = [choose((PCMU,), DTLS, SPOKEN, policy) for policy in (NEVER, NONE)]
    assert all(isinstance(refusal, Reason) for refusal in refusals)
    assert len(set(map(str, refusals))) == 2


@pytest.mark.parametrize(
    ("profiles", "direct", "policy", "called"),
    [
        ((PLAIN, ICE, DTLS), (PLAIN,), AUTO, PLAIN),
        ((PLAIN, ICE, DTLS), (), AUTO, DTLS),
        ((PLAIN, ICE), (), AUTO, ICE),
        ((PLAIN,), (), AUTO, PLAIN),
        ((ICE, DTLS), (PLAIN,), AUTO, DTLS),
        ((PLAIN, DTLS), (PLAIN,), NEVER, PLAIN),
        ((PLAIN, DTLS), (), NEVER, None),
        ((ICE, DTLS), (PLAIN,), NEVER, None),
        ((PLAIN,), (PLAIN,), NONE, PLAIN),
        ((), (PLAIN,), AUTO, None),
        ((), (), AUTO, None),
    ],
)
def test_in_which_manner_a_client_is_called(
    profiles: tuple[MediaProfile, ...], direct: tuple[MediaProfile, ...], policy: Policy, called: MediaProfile | None
) -> None:
    assert profile_for(profiles, direct, policy) is called


def test_whom_a_call_reaches() -> None:
    assert [reaches((PLAIN, DTLS), SPOKEN, policy) for policy in EVERY] == [True, True, True, True]
    assert [reaches((ICE, DTLS), SPOKEN, policy) for policy in EVERY] == [True, True, False, False]
    assert [reaches((), SPOKEN, policy) for policy in EVERY] == [False, False, False, False]


def test_two_ends_with_dtls_need_no_relay_whatever_their_codecs() -> None:
    found = [choose((OPUS,), DTLS, (DTLS,), policy) for policy in EVERY]
    assert [each is END_TO_END for each in found] == [True, False, True, True]
    assert [as_it_is(DTLS_OFFER, (DTLS,), policy) for policy in EVERY] == [DTLS, None, DTLS, DTLS]
    assert as_it_is(replace(DTLS_OFFER, transport=replace(AT_CLIENT, pwd="")), (DTLS,), NONE) is None


@pytest.mark.parametrize(
    ("wanted", "relay", "offered"),
    [
        ("known", True, {True: True, False: False, None: False}),
        ("always", True, {True: True, False: False, None: True}),
        ("never", True, {True: False, False: False, None: False}),
        ("known", False, {True: True, False: True, None: True}),
        ("always", False, {True: True, False: True, None: True}),
        ("never", False, {True: False, False: False, None: False}),
    ],
)
def test_which_phones_are_offered_dtls(wanted: EndToEnd, relay: bool, offered: dict[bool | None, bool]) -> None:
    policy = Policy(relay=relay, end_to_end=wanted)
    assert {able: offers_dtls(able, policy) for able in offered} == offered
