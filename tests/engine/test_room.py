"""The room on the disk is looked at, and too little of it is told once."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from fargo import texts
from fargo.room import EVERY, Room

RESERVE = 100_000_000
BLOCK = 4096


class Disk:
    """A disk whose room the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 10 * RESERVE
        monkeypatch.setattr(
            os, "statvfs", lambda _: SimpleNamespace(f_frsize=BLOCK, f_bavail=self.left // BLOCK, f_bfree=10**9)
        )


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_too_little_room_and_enough_are_told_once(disk: Disk, tmp_path: Path) -> None:
    told: list[bool] = []
    clock = Clock()
    room = Room(tmp_path, RESERVE, told.append, clock)
    with capturedLogs() as said:
        room.start()
        assert told == []
        for left, expected in (
            (RESERVE + BLOCK, []),
            (RESERVE - BLOCK, [True]),
            (RESERVE // 2, [True]),
            (RESERVE + BLOCK, [True]),
            (RESERVE * 1.2, [True, False]),
            (RESERVE + BLOCK, [True, False]),
            (0, [True, False, True]),
        ):
            disk.left = int(left)
            clock.advance(EVERY)
            assert told == expected
        room.stop()
        disk.left = 10 * RESERVE
        clock.advance(EVERY)
    assert told == [True, False, True]
    assert [event["log_format"] for event in said] == [texts.NO_ROOM, texts.ROOM_AGAIN, texts.NO_ROOM]


def test_another_reserve_applies_from_the_next_look_on(disk: Disk, tmp_path: Path) -> None:
    told: list[bool] = []
    clock = Clock()
    room = Room(tmp_path, RESERVE, told.append, clock)
    room.start()
    room.reserve(20 * RESERVE)
    assert told == []
    clock.advance(EVERY)
    assert told == [True]
    room.reserve(RESERVE)
    clock.advance(EVERY)
    assert told == [True, False]
    room.stop()


def test_it_looks_at_once(disk: Disk, tmp_path: Path) -> None:
    told: list[bool] = []
    disk.left = 0
    room = Room(tmp_path, RESERVE, told.append, Clock())
    room.start()
    assert told == [True]
    room.stop()


def test_a_look_at_a_real_disk(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    told: list[bool] = []
    for reserve in (0, disk.f_blocks * disk.f_frsize + 1):
        room = Room(tmp_path, reserve, told.append, Clock())
        room.start()
        room.stop()
    assert told == [True]
