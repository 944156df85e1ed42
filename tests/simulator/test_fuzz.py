"""Fuzzing, in short: it comes to an end, and what breaks is told in few moves, repeated by its seed, and kept."""

from pathlib import Path

import pytest

from fargo.engine import Engine
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import LegEvent
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.model.commands import Issued
from replay.reading.golden import read

from .fuzz import Fuzzed, fuzz

NO_TIME = 0.0
"""A little of everything is done even so, and always the same."""
ENOUGH = 60.0
"""Of which a core that is quite broken takes hardly any."""


def silent(fuzzed: Fuzzed) -> None:
    pass


def test_nothing_is_broken(tmp_path: Path) -> None:
    done = fuzz(NO_TIME, 1, tmp_path, silent)
    assert done.failure is None
    assert done.stories == 1
    assert done.runs > 1
    assert done.states > 1


def test_a_broken_engine_is_found_in_a_story_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(engine: Engine, issued: Issued) -> None:
        engine._dispatch(issued)
        engine._dispatch(issued)

    monkeypatch.setattr(Engine, "_send", twice)
    failure = fuzz(ENOUGH, 1, tmp_path, silent).failure
    assert failure is not None
    assert len(failure.path) < 5
    assert failure.seed is not None


def test_a_broken_core_is_found_and_its_log_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(leg: SipLeg, _leg_event: LegEvent, _effects: Effects) -> SipLeg:
        return leg

    monkeypatch.setattr(sip_leg, "tell", deaf)
    failure = fuzz(ENOUGH, 1, tmp_path, silent).failure
    assert failure is not None
    # Of a hundred moves. What comes before a sign-in cannot be left out, as the name of that has its version in it.
    assert len(failure.path) < 30
    assert failure.seed is not None
    again = fuzz(NO_TIME, failure.seed, tmp_path / "again", silent).failure
    assert again is not None
    assert again.path == failure.path
    assert list(read(failure.golden)) == list(failure.broken.log)
