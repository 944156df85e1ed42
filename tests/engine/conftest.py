"""Benches with an engine."""

from pathlib import Path

import pytest

from .bench import Bench


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fargo.db"


@pytest.fixture
def bench(path: Path) -> Bench:
    return Bench(path)


@pytest.fixture
def delayed(path: Path) -> Bench:
    """A bench whose store takes DELAY for a commit."""
    return Bench(path, delayed=True)
