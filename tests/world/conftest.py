"""All tests here start servers and clients of the world."""

import pytest


@pytest.fixture(autouse=True)
def _every_test_here(servers: None) -> None:
    """Start real servers (tests/conftest.py, rule 1)."""
