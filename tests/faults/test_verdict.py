"""No cell counts as passed that is not."""

import pytest

from . import cells, matrix
from .cells import Cell, Check, Fault, Phase, Shortfall
from .runner import Outcome

CELL = cells.named("edge.held.sip")
KNOWN = Shortfall(Fault.EDGE, "sip", (Check.CALL,), "a reason", (Phase.HELD,))
SOMETIMES = Shortfall(Fault.EDGE, "sip", (Check.CALL,), "a reason", sometimes=True)
OTHER = Shortfall(Fault.EDGE, "telepathy", (Check.CALL,), "a reason")


@pytest.mark.parametrize(
    ("shortfalls", "wrong", "status"),
    [
        ((), {}, "passed"),
        ((), {Check.CALL: "it ended"}, "failed"),
        ((OTHER,), {Check.CALL: "it ended"}, "failed"),
        ((KNOWN,), {Check.CALL: "it ended"}, "not yet"),
        ((KNOWN,), {Check.CALL: "it ended", Check.LOG: "a Fault"}, "failed"),
        ((KNOWN,), {}, "failed"),
        ((SOMETIMES,), {}, "not yet"),
        ((SOMETIMES,), {Check.CALL: "it ended"}, "not yet"),
    ],
)
async def test_the_status_of_a_cell(
    monkeypatch: pytest.MonkeyPatch, shortfalls: tuple[Shortfall, ...], wrong: dict[str, str], status: str
) -> None:
    async def outcome(cell: Cell, short: bool) -> Outcome:
        return Outcome(cell.name, wrong=wrong)

    monkeypatch.setattr(cells, "SHORTFALLS", shortfalls)
    monkeypatch.setattr(matrix, "_outcome", outcome)
    found = await matrix.result(CELL, short=True)
    assert found["status"] == status
    assert bool(found["why"]) == (status == "failed")


async def test_a_cell_that_could_not_be_run_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def outcome(cell: Cell, short: bool) -> Outcome:
        raise RuntimeError("no server")

    monkeypatch.setattr(matrix, "_outcome", outcome)
    assert (await matrix.result(CELL, short=True))["status"] == "failed"


async def test_a_cell_that_is_not_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "NOT_RUN", {CELL.name: "nobody can"})
    assert await matrix.result(CELL, short=True) == {"cell": CELL.name, "status": "not run", "why": ["nobody can"]}
