"""A fax that is sent as audio: G.711 comes through the relay sample by sample, though that decodes and encodes it."""

import asyncio
import socket
import struct
from random import Random

import pytest

from fargo.statemachine.media.description import Codec, MediaProfile
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay

from .rig import PCMA, PCMU, Rig, address, plain

PACKETS, SAMPLES = 50, 160
HEADER = struct.Struct("!BBHII")
FIRST_RTCP = 64
"""Of payload types without the marker bit, on a port that has RTCP, too."""
ZERO, MINUS_ZERO = b"\xff", b"\x7f"
"""The two codes of silence in PCMU."""


@pytest.mark.parametrize("codec", [PCMU, PCMA])
async def test_g_711_comes_through_sample_by_sample(rig: Rig, codec: Codec) -> None:
    random = Random(1)
    sent = [random.randbytes(SAMPLES) for _ in range(PACKETS)]
    with socket.socket(type=socket.SOCK_DGRAM) as caller, socket.socket(type=socket.SOCK_DGRAM) as callee:
        for each in (caller, callee):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        await rig.do(OfferRelay("s", plain(*caller.getsockname(), codec), MediaProfile.PLAIN))
        there = address(await rig.do(AnswerRelay("s", plain(*callee.getsockname(), codec), MediaProfile.PLAIN)))
        received = []
        for number, payload in enumerate(sent):
            caller.sendto(HEADER.pack(0x80, codec.id, number, number * SAMPLES, 7) + payload, there)
            received.append(await _rtp(callee))
    assert [_samples(each, codec) for each in received] == [_samples(each, codec) for each in sent]


async def _rtp(callee: socket.socket) -> bytes:
    """Return the payload of the next RTP packet."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while (packet := await loop.sock_recv(callee, 2048))[1] & 0x7F >= FIRST_RTCP:
            pass
    return packet[HEADER.size :]


def _samples(payload: bytes, codec: Codec) -> bytes:
    """Return a payload in which each sample has one code only."""
    return payload.replace(MINUS_ZERO, ZERO) if codec is PCMU else payload
