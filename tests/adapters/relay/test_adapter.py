"""The adapter with a real relay: sessions described, carried, counted and ended."""

from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine

from fargo.statemachine.media import Candidate, Manner, RawUdp
from fargo.statemachine.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    Party,
    RelayDescribed,
    RelayDone,
    RelayRefused,
)

from .rig import PCMA, Rig, plain


async def test_plain_audio_passes_both_ways_and_is_counted(rig: Rig, relay: Rtpengine) -> None:
    async with RtpEndpoint() as caller, RtpEndpoint() as callee:
        to_callee = await rig.do(OfferRelay("s", plain(caller.address, caller.port, PCMA), Manner.PLAIN))
        to_caller = await rig.do(AnswerRelay("s", plain(callee.address, callee.port, PCMA), Manner.PLAIN))
        assert [to_callee.description.codecs, to_caller.description.codecs] == [(PCMA,), (PCMA,)]
        assert await relay.sessions() == ["s"]
        caller.send(*address(to_caller), payload_type=8)
        callee.send(*address(to_callee), payload_type=8)
        await caller.received(25)
        await callee.received(25)
        await caller.silence()
        await callee.silence()
        done = await rig.do(DeleteRelay("s"))
    assert await relay.sessions() == []
    assert [each.party for each in done.flows] == [Party.OFFERER, Party.ANSWERER]
    assert [each.packets for each in done.flows] == [caller.sent, callee.sent]
    assert [each.octets for each in done.flows] == [caller.sent * 172, callee.sent * 172]


async def test_what_is_not_there_is_deleted_with_success(rig: Rig) -> None:
    assert await rig.do(DeleteRelay("nothing"), "7.3") == RelayDone("7.3")


async def test_an_answer_to_nothing_is_refused(rig: Rig) -> None:
    refused = await rig.do(AnswerRelay("nothing", plain("127.0.0.1", 4000), Manner.PLAIN), "7.3")
    assert refused == RelayRefused("7.3", "The media relay refuses: Unknown call-id.")


async def test_what_cannot_be_said_is_refused(rig: Rig, relay: Rtpengine) -> None:
    refused = await rig.do(OfferRelay("s", plain("example.org", 4000), Manner.PLAIN))
    assert refused.problem == "The description names no address to send audio to."
    assert await relay.sessions() == []


def address(described: RelayDescribed) -> tuple[str, int]:
    """Where the relay expects plain RTP."""
    transport = described.description.transport
    assert isinstance(transport, RawUdp)
    candidate: Candidate = transport.candidates[0]
    return candidate.ip, candidate.port
