"""The tests of the world's servers and clients themselves."""

import pytest


@pytest.fixture(autouse=True)
def _every_test_here(servers: None) -> None:
    """Use real servers."""
