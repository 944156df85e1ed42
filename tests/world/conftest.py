"""The servers and clients of the world are tried by themselves."""

import pytest


@pytest.fixture(autouse=True)
def _every_test_here(servers: None) -> None:
    """Uses real servers."""
