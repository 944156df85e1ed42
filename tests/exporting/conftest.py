"""A log to export from."""

from pathlib import Path

import pytest

from fargo.statemachine.model.events import Recorded, RegistrationAsked
from fargo.statemachine.model.iq import Iq
from fargo.store.opening import open_store
from replay.reading.steps import refolded

from .story import EVENTS, GATEWAY, recorded


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of the story, and of another user."""
    path = tmp_path / "fargo.db"
    log = open_store(path)
    other = Recorded("nobody@else.net", 1, 1.75e9, RegistrationAsked(Iq("nobody@else.net/x", GATEWAY, "q")))
    log.append([*recorded(*EVENTS), *refolded([other])])
    log.close()
    return path
