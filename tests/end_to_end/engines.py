"""The SIP engines that a test runs with: all, unless it is about one of them, or does not depend on the engine."""

from typing import Final

import pytest

ENGINES: Final = ("telepathy", "sip")
IDS: Final = {each: f"engine:{each}" for each in ENGINES}
"""The part of a test's name that tells its engine, for `record_session`."""


def only(engine: str) -> pytest.MarkDecorator:
    """Return the mark of a test that runs with one engine only."""
    return pytest.mark.parametrize("engine", [engine], ids=IDS.get)


DECLINED: Final = {"telepathy": 486, "sip": 603}
"""The status of a call that a user declines. rakia has no 603."""

telepathy_only: Final = only("telepathy")
sip_only: Final = only("sip")
