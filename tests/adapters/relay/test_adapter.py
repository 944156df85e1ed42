"""The adapter with a real relay: sessions described, carried, counted and ended."""

import pytest
from msgspec.structs import replace
from world import RELAY_ADDRESS
from world.process import until
from world.rtp import RtpEcho, RtpEndpoint
from world.rtpengine import Rtpengine

from fargo.adapters.relay import texts
from fargo.adapters.sdp.texts import NO_ADDRESS
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Description,
    Extension,
    Fingerprint,
    IceUdp,
    MediaProfile,
    Parameter,
    family,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayDigit,
    PlayRinging,
    RelayDone,
    RelayParty,
    RelayRefused,
    StopRinging,
)

from .rig import EVENTS, G722, GSM, OPUS, PCMA, PCMU, Rig, address, plain

TONE = 1000  # hertz: what an RtpEndpoint plays
RINGING = 425
PHONES = ("PCMU", "PCMA", "telephone-event")
ALL = ("G722", "PCMU", "PCMA", "opus", "GSM", "telephone-event")
CLIENTS = ("opus", "PCMU", "PCMA", "telephone-event")
FINGERPRINT = Fingerprint("sha-256", "actpass", ":".join(["AB"] * 32))
BROWSER = Description(
    "audio",
    (
        OPUS,
        Codec(63, "red", 48000, 2, parameters=(Parameter("", "111/111"),)),
        PCMU,
        PCMA,
        Codec(13, "CN", 8000),
        Codec(126, "telephone-event", 8000),
    ),
    IceUdp("Ku/i", "a1a0wPCdX1zb86dUoTiSfLLD", (), FINGERPRINT),
    mux=True,
    extensions=(Extension(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),),
)


def names(description: Description) -> list[str]:
    return [codec.name for codec in description.codecs]


def only(name: str, described: Description) -> tuple[Codec, ...]:
    return tuple(codec for codec in described.codecs if codec.name == name)


# --- plain RTP


async def test_plain_audio_passes_both_ways_and_is_counted(rig: Rig, relay: Rtpengine) -> None:
    async with RtpEndpoint() as caller, RtpEndpoint() as callee:
        to_callee = await rig.do(OfferRelay("s", plain(caller.address, caller.port, PCMA), MediaProfile.PLAIN))
        to_caller = await rig.do(AnswerRelay("s", plain(callee.address, callee.port, PCMA), MediaProfile.PLAIN))
        assert [to_callee.description.codecs, to_caller.description.codecs] == [(PCMA,), (PCMA,)]
        assert await relay.sessions() == ["s"]
        caller.send(*address(to_caller), payload_type=8)
        callee.send(*address(to_callee), payload_type=8)
        await caller.received(25)
        await callee.received(25)
        assert (caller.tone, callee.tone) == (TONE, TONE)
        await caller.silence()
        await callee.silence()
        done = await rig.do(DeleteRelay("s"))
    assert await relay.sessions() == []
    assert [each.party for each in done.flows] == [RelayParty.OFFERER, RelayParty.ANSWERER]
    assert [each.packets for each in done.flows] == [caller.sent, callee.sent]
    assert [each.octets for each in done.flows] == [caller.sent * 172, callee.sent * 172]


async def test_one_end_hears_the_ringing_tone_until_it_is_stopped(rig: Rig) -> None:
    async with RtpEndpoint() as client:
        to_client = await rig.do(OfferRelay("s", plain("0.0.0.0", 9, PCMU, PCMA), MediaProfile.PLAIN))
        await rig.do(AnswerRelay("s", plain(client.address, client.port, PCMA), MediaProfile.PLAIN))
        assert to_client.description.codecs == (PCMU, PCMA)
        assert await rig.do(PlayRinging("s", RelayParty.ANSWERER), "5.0") == RelayDone("5.0")
        await client.hears(RINGING)
        assert await rig.do(StopRinging("s", RelayParty.ANSWERER), "6.0") == RelayDone("6.0")
        await rig.do(DeleteRelay("s"))
    assert set(client.payload_types) == {8}


async def test_a_client_that_has_yet_to_name_its_candidates_hears_the_ringing_tone(rig: Rig) -> None:
    """That it takes the tone for its own, with ICE and DTLS, the tests with a browser show."""
    await rig.do(OfferRelay("s", plain("0.0.0.0", 9, PCMU), MediaProfile.DTLS, True, CLIENTS))
    await rig.do(AnswerRelay("s", replace(BROWSER, codecs=(PCMU,)), MediaProfile.PLAIN))
    assert await rig.do(PlayRinging("s", RelayParty.ANSWERER), "5.0") == RelayDone("5.0")


@pytest.mark.parametrize(("caller_at", "callee_at"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
async def test_audio_passes_between_ipv4_and_ipv6(servers: None, caller_at: str, callee_at: str) -> None:
    async with (
        Rtpengine(None, RELAY_ADDRESS, "::1") as relay,
        Rig(relay.address, relay.port) as rig,
        RtpEndpoint(caller_at) as caller,
        RtpEndpoint(callee_at) as callee,
    ):
        offered = plain(caller.address, caller.port, PCMA)
        wanted = family(callee_at)
        assert wanted
        to_callee = await rig.do(OfferRelay("s", offered, MediaProfile.PLAIN, family=wanted))
        to_caller = await rig.do(AnswerRelay("s", plain(callee.address, callee.port, PCMA), MediaProfile.PLAIN))
        assert [family(address(each)[0]) for each in (to_callee, to_caller)] == [wanted, family(caller_at)]
        caller.send(*address(to_caller), payload_type=8)
        callee.send(*address(to_callee), payload_type=8)
        await caller.received(25)
        await callee.received(25)
        assert (caller.tone, callee.tone) == (TONE, TONE)
        await rig.do(DeleteRelay("s"))


async def test_a_codec_that_both_have_is_used_though_there_are_better_ones(rig: Rig) -> None:
    async with RtpEcho() as client, RtpEndpoint() as phone:
        offered = await rig.do(
            OfferRelay("s", plain(client.address, client.port, OPUS, PCMA), MediaProfile.PLAIN, False, PHONES)
        )
        answer = plain(phone.address, phone.port, *only("PCMA", offered.description))
        answered = await rig.do(AnswerRelay("s", answer, MediaProfile.PLAIN))
        assert names(answered.description) == ["PCMA"]
        client.to = address(answered)
        phone.send(*address(offered), payload_type=8)
        await phone.received(25)
    assert set(client.packets) == {8}


async def test_a_client_with_opus_only_and_a_phone_without_hear_each_other(rig: Rig) -> None:
    """The phone's tone goes to the client as opus, and comes back from it."""
    async with RtpEcho() as client, RtpEndpoint() as phone:
        offered = await rig.do(
            OfferRelay("s", plain(client.address, client.port, OPUS), MediaProfile.PLAIN, False, PHONES)
        )
        answer = plain(phone.address, phone.port, *only("PCMA", offered.description))
        answered = await rig.do(AnswerRelay("s", answer, MediaProfile.PLAIN))
        assert names(answered.description)[0] == "opus"
        client.to = address(answered)
        phone.send(*address(offered), payload_type=8)
        await until(lambda: phone.tone == TONE, "the tone comes back")
    assert set(client.packets) == {OPUS.id}


async def test_a_phone_calls_a_client_with_opus_only(rig: Rig) -> None:
    async with RtpEcho() as client, RtpEndpoint() as phone:
        offered = await rig.do(
            OfferRelay("s", plain(phone.address, phone.port, PCMA), MediaProfile.PLAIN, False, CLIENTS)
        )
        [opus] = only("opus", offered.description)
        answered = await rig.do(AnswerRelay("s", plain(client.address, client.port, opus), MediaProfile.PLAIN))
        assert names(answered.description)[0] == "PCMA"
        client.to = address(offered)
        phone.send(*address(answered), payload_type=8)
        await until(lambda: phone.tone == TONE, "the tone comes back")
    assert set(client.packets) == {opus.id}


# --- ICE and DTLS


async def test_a_browsers_offer_becomes_one_that_a_phone_can_take(rig: Rig, relay: Rtpengine) -> None:
    offered = await rig.do(OfferRelay("s", BROWSER, MediaProfile.PLAIN, False, PHONES, ("red", "CN")))
    assert address(offered)[0] == relay.address  # and not 0.0.0.0, though no candidate has come yet
    assert not {"red", "CN"} & set(names(offered.description))
    assert {"opus", "PCMU", "PCMA", "telephone-event"} <= set(names(offered.description))
    assert not offered.description.mux
    answered = await rig.do(AnswerRelay("s", plain("127.0.0.1", 4000, PCMA), MediaProfile.DTLS, True))
    transport = answered.description.transport
    assert isinstance(transport, IceUdp)
    assert transport.fingerprint
    assert transport.fingerprint.setup in ("active", "passive")
    assert {(each.component, each.ip, each.protocol) for each in transport.candidates} == {(1, relay.address, "udp")}
    assert answered.description.mux


@pytest.mark.parametrize(
    ("profile", "mux", "components", "setup"),
    [
        (MediaProfile.DTLS, True, {1}, "actpass"),
        (MediaProfile.ICE, False, {1, 2}, ""),
        (MediaProfile.ICE, True, {1}, ""),
    ],
)
async def test_a_phones_offer_becomes_one_that_a_client_can_take(
    rig: Rig, relay: Rtpengine, profile: MediaProfile, mux: bool, components: set[int], setup: str
) -> None:
    offered = await rig.do(OfferRelay("s", plain("127.0.0.1", 4000, PCMA, EVENTS), profile, mux, CLIENTS))
    transport = offered.description.transport
    assert isinstance(transport, IceUdp)
    assert transport.ufrag
    assert transport.pwd
    assert {each.component for each in transport.candidates} == components
    assert all(each.ip == relay.address and each.id and each.type == "host" for each in transport.candidates)
    assert (transport.fingerprint.setup if transport.fingerprint else "") == setup
    assert offered.description.mux is mux
    assert {"PCMA", "opus", "telephone-event"} <= set(names(offered.description))


async def test_a_client_that_hides_its_addresses_is_taken_as_it_is(rig: Rig) -> None:
    hidden = IceUdp("u123", "p" * 24, (Candidate(1, "5e1f0c0e.local", 9000, foundation="1", type="host"),), FINGERPRINT)
    offer = Description("audio", (PCMA,), hidden, mux=True)
    assert names((await rig.do(OfferRelay("s", offer, MediaProfile.PLAIN))).description) == ["PCMA"]


# --- digits


async def test_a_digit_is_played_to_the_one_end_and_not_to_the_other(rig: Rig) -> None:
    async with RtpEndpoint(events=101) as client, RtpEndpoint(events=101) as phone:
        offered = await rig.do(OfferRelay("s", plain(client.address, client.port, PCMA, EVENTS), MediaProfile.PLAIN))
        answered = await rig.do(AnswerRelay("s", plain(phone.address, phone.port, PCMA, EVENTS), MediaProfile.PLAIN))
        client.send(*address(answered), payload_type=8)
        phone.send(*address(offered), payload_type=8)
        await phone.received(5)
        rig.digits |= {"first": "5", "second": "#"}
        assert await rig.do(PlayDigit("s", RelayParty.ANSWERER, "first", 200), "5.0") == RelayDone("5.0")
        assert await rig.do(PlayDigit("s", RelayParty.ANSWERER, "second"), "6.0") == RelayDone("6.0")
        # Each lasts for some packets of 20 ms; 11 is # (RFC 4733 §3.2).
        await until(lambda: [number for number, packets in phone.keys.values() if packets > 5] == [5, 11], "both keys")
    assert client.keys == {}
    assert rig.digits == {}


def keys(end: RtpEndpoint) -> set[int]:
    """Return the keys that have arrived under the end's own number for events."""
    return {number for number, _ in end.keys.values()}


async def hears(end: RtpEndpoint, key: int) -> None:
    await until(lambda: key in keys(end), f"the key {key}")


@pytest.mark.parametrize("profile", [MediaProfile.PLAIN, MediaProfile.DTLS])
async def test_an_offer_that_reserves_numbers_changes_nothing_for_the_other_end(
    rig: Rig, profile: MediaProfile
) -> None:
    offer = OfferRelay("s", plain("127.0.0.1", 4000, PCMA, EVENTS), profile, profile is MediaProfile.DTLS, CLIENTS)
    first = await rig.do(offer)
    again = await rig.do(replace(offer, reserved=(100, 126)))
    assert replace(again, command="") == replace(first, command="")


@pytest.mark.parametrize("voice", [PCMU, PCMA], ids=["as offered first", "transcoded"])
async def test_keys_arrive_under_the_number_that_each_end_has(rig: Rig, voice: Codec) -> None:
    """The phone answers with another number for telephone events than it was offered (RFC 3264 §6.1)."""
    async with RtpEndpoint(events=126) as client, RtpEndpoint(events=101) as phone:
        offer = plain(client.address, client.port, PCMU, replace(EVENTS, id=126))
        offered = await rig.do(OfferRelay("s", offer, MediaProfile.PLAIN, False, PHONES))
        again = await rig.do(OfferRelay("s", offer, MediaProfile.PLAIN, False, PHONES, reserved=(101,)))
        assert again.description == offered.description
        answered = await rig.do(AnswerRelay("s", plain(phone.address, phone.port, voice, EVENTS), MediaProfile.PLAIN))
        assert [(each.id, each.name) for each in answered.description.codecs] == [(0, "PCMU"), (126, EVENTS.name)]
        client.send(*address(answered), payload_type=PCMU.id)
        phone.send(*address(offered), payload_type=voice.id)
        await client.received(5)
        await phone.received(5)
        for party, end, key in ((RelayParty.ANSWERER, phone, 1), (RelayParty.OFFERER, client, 2)):
            rig.digits["name"] = str(key)
            await rig.do(PlayDigit("s", party, "name", 100))
            await hears(end, key)
        # The phone's keys come under the number that it was offered, or under its own, as many phones do it.
        for end, number, heard, key in ((client, 126, phone, 3), (phone, 126, client, 4), (phone, 101, client, 5)):
            end.press(key, number)
            await hears(heard, key)
        assert (keys(phone), keys(client)) == ({1, 3}, {2, 4, 5})
        assert client.invalid == phone.invalid == []


@pytest.mark.parametrize("codec", [G722, GSM, OPUS], ids=lambda codec: codec.name)
async def test_a_phone_with_one_codec_only_hears_and_is_heard(rig: Rig, codec: Codec) -> None:
    """The client's tone goes to the phone in its codec, and comes back from it."""
    async with RtpEndpoint() as client, RtpEcho() as phone:
        offer = OfferRelay("s", plain(client.address, client.port, PCMU, PCMA, EVENTS), MediaProfile.PLAIN, False, ALL)
        offered = await rig.do(offer)
        answer = plain(phone.address, phone.port, *only(codec.name, offered.description))
        answered = await rig.do(AnswerRelay("s", answer, MediaProfile.PLAIN))
        assert names(answered.description)[0] == "PCMU"
        phone.to = address(offered)
        client.send(*address(answered))
        await until(lambda: client.tone == TONE, "the tone comes back")
    assert set(phone.packets) == {answer.codecs[0].id}


async def test_events_are_offered_at_each_clock_rate(rig: Rig) -> None:
    events = (replace(EVENTS, id=97, clockrate=48000), replace(EVENTS, id=126))
    offers = {
        "G.711": plain("127.0.0.1", 4000, PCMU, events[1]),
        "opus": plain("127.0.0.1", 4000, OPUS, events[0]),
        "both": plain("127.0.0.1", 4000, OPUS, PCMU, *events),
    }
    for name, offer in offers.items():
        offered = (await rig.do(OfferRelay(name, offer, MediaProfile.PLAIN, False, ALL))).description
        told = only(EVENTS.name, offered)
        assert {each.clockrate for each in told} == {8000, 48000}, name
        assert {each.id for each in only(EVENTS.name, offer)} <= {each.id for each in told}, name


async def test_a_digit_that_is_forgotten_is_refused(rig: Rig) -> None:
    refused = await rig.do(PlayDigit("s", RelayParty.ANSWERER, "gone"), "5.0")
    assert refused == RelayRefused("5.0", texts.DIGIT_GONE, unasked=True)


# --- what does not work


async def test_what_is_not_there_is_deleted_with_success(rig: Rig) -> None:
    assert await rig.do(DeleteRelay("nothing"), "7.3") == RelayDone("7.3")


@pytest.mark.parametrize("by", RelayParty)
async def test_a_session_is_deleted_whoever_has_offered_it(rig: Rig, relay: Rtpengine, by: RelayParty) -> None:
    """After a restart of the relay, the answerer of a call may be the first to be offered."""
    await rig.do(OfferRelay("s", plain("127.0.0.1", 4000), MediaProfile.PLAIN, by=by))
    assert await relay.sessions() == ["s"]
    assert [each.party for each in (await rig.do(DeleteRelay("s"))).flows] == [by]
    assert await relay.sessions() == []


async def test_an_answer_to_nothing_is_refused(rig: Rig) -> None:
    refused = await rig.do(AnswerRelay("nothing", plain("127.0.0.1", 4000), MediaProfile.PLAIN), "7.3")
    assert refused == RelayRefused("7.3", texts.REFUSED.format(why="Unknown call-id"), unknown=True)


async def test_what_cannot_be_said_is_refused(rig: Rig, relay: Rtpengine) -> None:
    refused = await rig.do(OfferRelay("s", plain("example.org", 4000), MediaProfile.PLAIN))
    assert refused.problem == NO_ADDRESS
    assert await relay.sessions() == []


async def test_what_is_too_long_for_a_datagram_is_refused(rig: Rig) -> None:
    verbose = Codec(0, "PCMU", 8000, parameters=tuple(Parameter(f"p{n}", "x" * 1000) for n in range(70)))
    refused = await rig.do(OfferRelay("s", plain("127.0.0.1", 4000, verbose), MediaProfile.PLAIN))
    assert refused.problem == texts.REQUEST_TOO_LONG


async def test_the_number_of_sessions_is_known(rig: Rig) -> None:
    await rig.do(OfferRelay("s", plain("127.0.0.1", 4000), MediaProfile.PLAIN, False, CLIENTS))
    assert await rig.sessions(1)
    await rig.do(DeleteRelay("s"))
    assert await rig.sessions(0)
