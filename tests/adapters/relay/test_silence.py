"""A relay that loses datagrams, is silent, or was started again."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from twisted.logger import capturedLogs, formatEvent
from world.ports import free_port
from world.process import until
from world.rtpengine import Rtpengine

from fargo.adapters.relay import ng, texts, watch
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.model.ng import DeleteRelay, OfferRelay, RelayDescribed, RelayLost, RelayRefused

from .rig import PCMA, Rig, plain

OFFER = OfferRelay("s", plain("127.0.0.1", 4000, PCMA), MediaProfile.PLAIN)


class Line(asyncio.DatagramProtocol):
    """A line to a relay, or to nobody: `heard` are the requests it was given; it loses as many replies as `loses`, and
    the word `hides` in all of them.
    """

    def __init__(self, relay: Rtpengine | None = None, loses: int = 0, hides: bytes = b"\0") -> None:
        self.address = "127.0.0.1"
        self.port = free_port(self.address)
        self.heard: list[bytes] = []
        self._relay = relay
        self._loses = loses
        self._hides = hides

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        if self._relay:
            there = (self._relay.address, self._relay.port)
            self._far, _ = await loop.create_datagram_endpoint(lambda: _Far(self._back), remote_addr=there)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._near.close()
        if self._relay:
            self._far.close()

    def of(self, command: bytes) -> list[bytes]:
        """Return the requests that the relay got for a command."""
        return [each for each in self.heard if b"7:command" in each and b":%b" % command in each]

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.heard.append(data)
        self._sender = sender
        if self._relay:
            self._far.sendto(data)

    def _back(self, data: bytes) -> None:
        if self._loses and b"3:sdp" in data:
            self._loses -= 1
        else:
            self._near.sendto(data.replace(self._hides, b"?" * len(self._hides)), self._sender)


class _Far(asyncio.DatagramProtocol):
    """The far end of a line."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        self._heard(data)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay is asked more often than in earnest."""
    monkeypatch.setattr(watch, "EVERY", 0.1)


async def test_a_lost_reply_is_asked_for_again_and_the_work_done_once(relay: Rtpengine) -> None:
    async with Line(relay, loses=2) as line, Rig(line.address, line.port) as rig:
        assert isinstance(await rig.do(OFFER), RelayDescribed)
        asked = line.of(b"offer")
        assert len(asked) == 3
        assert len(set(asked)) == 1
        statistics = (await relay.ask("statistics"))["statistics"]
        assert statistics["currentstatistics"]["sessionstotal"] == 1
        assert statistics["controlstatistics"]["totaloffercount"] == 1


async def test_commands_of_all_users_and_processes_have_cookies_of_their_own(relay: Rtpengine) -> None:
    async with Line(relay) as line:
        for _ in range(2):
            async with Rig(line.address, line.port) as rig:
                await rig.do(DeleteRelay("s"), "7.0")
                await rig.do(DeleteRelay("s"), "7.1")
    cookies = [each.partition(b" ")[0] for each in line.of(b"delete")]
    assert len(set(cookies)) == len(cookies) == 8, "what is not there is deleted by each party"


async def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ng, "RESEND", (0.1, 0.2))
    monkeypatch.setattr(ng, "GIVE_UP", 0.4)
    async with Line() as line, Rig(line.address, line.port) as rig:
        assert await rig.do(OFFER, "7.0") == RelayRefused("7.0", texts.SILENT, silent=True)
        assert len(line.of(b"offer")) == 3
        await until(lambda: bool(rig.lost), "it is told to everyone")
        assert rig.lost == [RelayLost(texts.SILENT)]


async def test_nobody_there_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ng, "GIVE_UP", 0.4)
    monkeypatch.setattr(ng, "RESEND", (0.1, 0.2))
    async with Rig("127.0.0.1", free_port("127.0.0.1")) as rig:
        assert (await rig.do(OFFER)).silent


async def test_a_restarted_relay_is_lost_once(relay: Rtpengine, rig: Rig) -> None:
    await rig.do(OFFER)
    await _asked_again(relay)
    relay.process.kill()
    await relay.process.ended()
    await relay.start()
    await until(lambda: bool(rig.lost), "it is told to everyone")
    assert await relay.sessions() == []
    assert isinstance(await rig.do(OFFER), RelayDescribed)
    await _asked_again(relay)
    assert rig.lost == [RelayLost(texts.RESTARTED)]


async def test_a_relay_that_was_restarted_while_the_gateway_was_down_is_lost(relay: Rtpengine, tmp_path: Path) -> None:
    kept = tmp_path / "count"
    async with Rig(relay.address, relay.port, kept) as rig:
        await until(kept.exists, "the number is kept")
    async with Rig(relay.address, relay.port, kept) as rig:
        await _asked_again(relay)
        assert rig.lost == [], "the same relay"
    relay.process.kill()
    await relay.process.ended()
    await relay.start()
    async with Rig(relay.address, relay.port, kept) as rig:
        await until(lambda: bool(rig.lost), "it is told to everyone")
        await _asked_again(relay)
        assert rig.lost == [RelayLost(texts.RESTARTED)]


async def test_a_number_that_cannot_be_kept_is_said_once(relay: Rtpengine, tmp_path: Path) -> None:
    with capturedLogs() as said:
        async with Rig(relay.address, relay.port, tmp_path):
            await _asked_again(relay)
            await _asked_again(relay)
    told = [each for each in map(formatEvent, said) if each == texts.NOT_KEPT.format(why="Is a directory")]
    assert len(told) == 1


async def test_a_relay_that_was_only_slow_is_lost_once(
    relay: Rtpengine, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ng, "GIVE_UP", 0.4)
    monkeypatch.setattr(ng, "RESEND", (0.1, 0.2))
    await _asked_again(relay)
    os.kill(relay.process.pid, signal.SIGSTOP)
    await until(lambda: bool(rig.lost), "it is told to everyone")
    os.kill(relay.process.pid, signal.SIGCONT)
    await _asked_again(relay)
    assert rig.lost == [RelayLost(texts.SILENT)]


async def test_a_relay_that_does_not_count_is_said_once_and_its_silence_told(
    relay: Rtpengine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capturedLogs() as said:
        async with Line(relay, hides=b"totalstatscount") as line, Rig(line.address, line.port) as rig:
            await _asked_again(relay)
            with monkeypatch.context() as hasty:
                hasty.setattr(ng, "GIVE_UP", 0.4)
                await relay.stop()
                await until(lambda: bool(rig.lost), "it is told to everyone")
            await relay.start()
            await _asked_again(relay)
            assert isinstance(await rig.do(OFFER), RelayDescribed)
    assert rig.lost == [RelayLost(texts.SILENT)]
    assert [formatEvent(each) for each in said].count(texts.NOT_COUNTED) == 1
    assert not [each for each in said if "log_failure" in each]


async def _asked_again(relay: Rtpengine) -> None:
    """Until the relay has been asked twice more how it is, so that what it said the first time is known."""
    for _ in range(2):
        await relay.process.line("Received command 'statistics'", after=len(relay.process.lines))
