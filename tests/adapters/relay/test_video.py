"""Video through a real relay: requests for a picture pass both ways, and a stream is added and closed."""

import asyncio
import struct

from msgspec.structs import replace
from world.ports import free_port

from fargo.statemachine.legs.relay import adding, relay_session
from fargo.statemachine.legs.relay.relay_session import Ends, Joined, RelayRequest
from fargo.statemachine.media.description import Candidate, Codec, Description, Feedback, MediaProfile, RawUdp

from .rig import PCMU, Rig, plain

VP8 = Codec(96, "VP8", 90000, feedback=(Feedback("nack", "pli"),))
PLI, FIR = 1, 4
"""The formats of feedback that is about one payload (RFC 4585 §6.3.1, RFC 5104 §4.3.1)."""


class End(asyncio.DatagramProtocol):
    """A socket for RTP or RTCP at one end. `got`: what has arrived."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, _: object) -> None:
        self.got.put_nowait(data)

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.got.get(), 5)


async def pair(host: str, loop: asyncio.AbstractEventLoop) -> tuple[int, list[asyncio.DatagramTransport], list[End]]:
    """Sockets at a port and the next one."""
    port = free_port(host, adjacent=2)
    made = [await loop.create_datagram_endpoint(End, (host, port + each)) for each in range(2)]
    return port, [transport for transport, _ in made], [end for _, end in made]


def video(host: str, port: int) -> Description:
    return Description("video", (VP8,), RawUdp((Candidate(1, host, port), Candidate(2, host, port + 1))))


def feedback(kind: int) -> bytes:
    """A compound packet of RTCP: a report, and a request for a picture."""
    report = struct.pack("!BBHI", 0x80, 201, 1, 1)
    about = struct.pack("!II", 2, 0x01000000) if kind == FIR else b""
    return report + struct.pack("!BBHII", 0x80 | kind, 206, 2 + len(about) // 4, 1, 2) + about


def place(described: Description | None) -> tuple[str, int]:
    """The place to which video is to be sent."""
    assert described
    assert isinstance(described.transport, RawUdp)
    first = described.transport.candidates[0]
    return first.ip, first.port


async def test_requests_for_a_picture_pass_both_ways(rig: Rig) -> None:
    """The relay takes out feedback between profiles with and without it, and when it reports itself."""
    loop, host = asyncio.get_running_loop(), "127.0.0.1"
    ends = {name: await pair(host, loop) for name in ("client", "phone")}
    terms = RelayRequest("s", MediaProfile.PLAIN, True, "", video=True)
    client = replace(plain(host, 20000, PCMU), video=video(host, ends["client"][0]))
    phone = replace(plain(host, 20010, PCMU), video=video(host, ends["phone"][0]))
    for_phone = await rig.do(relay_session.first_offer(terms, client))
    for_client = await rig.do(relay_session.first_answer(terms, Ends(client, phone)))
    told = {"client": place(for_client.description.video), "phone": place(for_phone.description.video)}
    for sender, receiver in (("client", "phone"), ("phone", "client")):
        _, (rtp, rtcp), _ = ends[sender]
        _, _, (pictures, reports) = ends[receiver]
        at, port = told[sender]
        rtp.sendto(struct.pack("!BBHII", 0x80, 96, 1, 1, 2) + b"picture", (at, port))
        assert (await pictures.next()).endswith(b"picture")
        for kind in (PLI, FIR):
            rtcp.sendto(feedback(kind), (at, port + 1))
            assert bytes((0x80 | kind, 206)) in await reports.next()
    for _, transports, _ in ends.values():
        for each in transports:
            each.close()


async def test_a_phone_that_answers_no_requests_is_not_said_to(rig: Rig) -> None:
    terms, host = RelayRequest("s", MediaProfile.PLAIN, True, "", video=True), "127.0.0.1"
    seen = video(host, 20020)
    mute = replace(seen, codecs=(replace(VP8, feedback=()),))
    client, phone = replace(plain(host, 20000, PCMU), video=seen), replace(plain(host, 20010, PCMU), video=mute)
    for_phone = await rig.do(relay_session.first_offer(terms, client))
    for_client = await rig.do(relay_session.first_answer(terms, Ends(client, phone)))
    assert for_phone.description.video
    assert for_phone.description.video.codecs[0].feedback == VP8.feedback
    assert for_client.description.video
    assert for_client.description.video.codecs[0].feedback == for_client.description.video.feedback == ()


async def test_a_stream_is_added_and_closed(rig: Rig) -> None:
    terms = RelayRequest("s", MediaProfile.PLAIN, True, "")
    client, phone = plain("127.0.0.1", 20000, PCMU), plain("127.0.0.1", 20010, PCMU)
    await rig.do(relay_session.first_offer(terms, client))
    await rig.do(relay_session.first_answer(terms, Ends(client, phone)))
    for by_phone in (False, True):
        session, offer = adding.begun(Joined(terms, Ends(client, phone)), by_phone, video("127.0.0.1", 20020))
        assert place((await rig.do(offer)).description.video)
        session, answer = adding.answered(session, video("127.0.0.1", 20030))
        assert place((await rig.do(answer)).description.video)
        ends = adding.without_video(session.ends)
        assert (await rig.do(relay_session.offer_again(session.terms, ends))).description.video is None
        assert (await rig.do(relay_session.to_client(session.terms, ends))).description.video is None
        session, offer = adding.begun(Joined(session.terms, ends), by_phone, video("127.0.0.1", 20020))
        await rig.do(offer)
        _, answer = adding.answered(session, None)
        assert (await rig.do(answer)).description.video is None
