"""The random times after offers that have crossed (RFC 3261 §14.1)."""

import pytest

from fargo.statemachine.legs.user_agent.dialog import Dialog
from fargo.statemachine.legs.user_agent.glare import pause
from fargo.statemachine.model.sip_values import Party


@pytest.mark.parametrize(("calls", "least", "most"), [(True, 210, 400), (False, 0, 200)])
def test_pauses(calls: bool, least: int, most: int) -> None:
    """In steps of 10 ms; each of them comes about."""
    of = [
        Dialog("1.0", "c", Party("sip:a@b", "t"), Party("sip:c@d", "u"), "", (), n, 1, calls, False)
        for n in range(5000)
    ]
    drawn = {round(pause(dialog, at=0.0) * 100, 6) for dialog in of}
    assert drawn == set(range(least, most + 1))
