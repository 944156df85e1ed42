"""The common part of all tests of the edges."""

import pytest


@pytest.fixture(autouse=True)
def _every_test_here(servers: None) -> None:
    """Start real servers (tests/conftest.py, rule 1)."""
