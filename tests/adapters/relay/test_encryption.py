"""Encrypted audio between the relay and a phone (SRTP with keys by SDES), with a real relay."""

import re

import pytest
from msgspec.structs import replace
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.srtp import SUITE, SrtpEndpoint

from fargo.adapters.sdp import texts
from fargo.statemachine.media.description import Crypto, Description, MediaProfile, Srtp, Suite
from fargo.statemachine.model.ng import AnswerRelay, DeleteRelay, OfferRelay, RelayDescribed, RelayParty, RelayRefused

from .rig import PCMA, Rig, address, plain

PLAIN = MediaProfile.PLAIN
PACKETS = 25
SUITES = ("AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_256_CM_HMAC_SHA1_80", SUITE, "AES_CM_128_HMAC_SHA1_32")
MUST: tuple[tuple[Srtp, bool], ...] = (("required", True), ("optional", False))
either = pytest.mark.parametrize(("srtp", "required"), MUST)


def keyed(rig: Rig, end: SrtpEndpoint, tag: int, required: bool) -> Description:
    """Return the description of a phone with its key."""
    suite: Suite = "AES_CM_128_HMAC_SHA1_80"
    crypto = (Crypto(tag, suite, rig.keys.keep(f"inline:{end.key}")),)
    return replace(plain(end.address, end.port, PCMA), crypto=crypto, encryption_required=required)


def key(rig: Rig, described: RelayDescribed) -> Crypto:
    """Return the relay's key of the suite that the phones of these tests have."""
    [found] = [each for each in described.description.crypto if each.suite == SUITE]
    return found


def expect(phone: SrtpEndpoint, rig: Rig, of_relay: Crypto) -> None:
    text = rig.keys.reveal(of_relay.key)
    assert text
    found = re.fullmatch(r"inline:([A-Za-z0-9+/=]+)", text)
    assert found
    phone.expect(found[1])


async def heard(client: RtpEndpoint, phone: RtpEndpoint) -> None:
    await client.received(client.packets + PACKETS)
    await phone.received(phone.packets + PACKETS)
    assert (client.tone, phone.tone) == (1000, 1000)
    assert phone.invalid == client.invalid == []


@either
async def test_a_called_phone_encrypts(rig: Rig, relay: Rtpengine, srtp: Srtp, required: bool) -> None:
    async with RtpEndpoint() as client, SrtpEndpoint() as phone:
        offer = plain(client.address, client.port, PCMA)
        to_phone = await rig.do(OfferRelay("s", offer, PLAIN, srtp=srtp))
        assert [each.suite for each in to_phone.description.crypto] == list(SUITES)
        assert to_phone.description.encryption_required is required
        ours = key(rig, to_phone)
        expect(phone, rig, ours)
        to_client = await rig.do(AnswerRelay("s", keyed(rig, phone, ours.tag, required), PLAIN))
        assert to_client.description.crypto == ()
        client.send(*address(to_client), payload_type=8)
        phone.send(*address(to_phone), payload_type=8)
        await heard(client, phone)

        # The phone takes another key. The relay keeps its own, and its addresses: the phone is not told of the offer.
        again = await rig.do(OfferRelay("s", offer, PLAIN, srtp=srtp))
        assert (key(rig, again), address(again)) == (ours, address(to_phone))
        phone.rekey()
        told = await rig.do(AnswerRelay("s", keyed(rig, phone, ours.tag, required), PLAIN))
        assert address(told) == address(to_client)
        await heard(client, phone)
        await rig.do(DeleteRelay("s"))
    assert len(rig.keys) == 0


@either
async def test_a_calling_phone_encrypts(rig: Rig, srtp: Srtp, required: bool) -> None:
    async with RtpEndpoint() as client, SrtpEndpoint() as phone:
        offer = keyed(rig, phone, 7, required)
        to_client = await rig.do(OfferRelay("s", offer, PLAIN))
        assert to_client.description.crypto == ()
        answer = plain(client.address, client.port, PCMA)
        to_phone = await rig.do(AnswerRelay("s", answer, PLAIN))
        [ours] = to_phone.description.crypto
        assert (ours.tag, ours.suite, to_phone.description.encryption_required) == (7, SUITE, required)
        expect(phone, rig, ours)
        client.send(*address(to_client), payload_type=8)
        phone.send(*address(to_phone), payload_type=8)
        await heard(client, phone)

        again = await rig.do(OfferRelay("s", answer, PLAIN, by=RelayParty.ANSWERER, srtp=srtp))
        assert (key(rig, again), address(again)) == (ours, address(to_phone))
        phone.rekey()
        await rig.do(AnswerRelay("s", keyed(rig, phone, 7, required), PLAIN, by=RelayParty.OFFERER))
        await heard(client, phone)
        await rig.do(DeleteRelay("s"))
    assert len(rig.keys) == 0


async def test_a_phone_that_ignores_optional_encryption_gets_plain_audio(rig: Rig) -> None:
    async with RtpEndpoint() as client, RtpEndpoint() as phone:
        to_phone = await rig.do(OfferRelay("s", plain(client.address, client.port, PCMA), PLAIN, srtp="optional"))
        to_client = await rig.do(AnswerRelay("s", plain(phone.address, phone.port, PCMA), PLAIN))
        client.send(*address(to_client), payload_type=8)
        phone.send(*address(to_phone), payload_type=8)
        await heard(client, phone)


async def test_a_key_that_is_gone_is_a_refusal(rig: Rig) -> None:
    async with RtpEndpoint() as client, SrtpEndpoint() as phone:
        await rig.do(OfferRelay("s", plain(client.address, client.port, PCMA), PLAIN, srtp="required"))
        lost = replace(keyed(rig, phone, 4, True), crypto=(Crypto(4, "AES_CM_128_HMAC_SHA1_80", "gone"),))
        event = await rig.do(AnswerRelay("s", lost, PLAIN))
        assert isinstance(event, RelayRefused)
        assert event.problem == texts.KEYS_GONE
