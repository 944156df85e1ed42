"""A cell of each phase, with real servers. script/faults runs all of them."""

import pytest

from .cells import REPRESENTATIVE, named
from .matrix import result


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("name", REPRESENTATIVE)
async def test_a_representative_cell(name: str) -> None:
    """A cell that is not as promised yet is an expected failure; if it is, its shortfall has to leave the table."""
    found = await result(named(name), short=True)
    if found["status"] == "not yet":
        pytest.xfail(f"not as promised yet: {found['wrong']}")
    assert found["status"] == "passed", found["why"]
