"""docs/reliability.md has the results of the last run of the matrix, and every cell of it."""

from . import matrix, page
from .cells import NOT_RUN, REPRESENTATIVE, ROWS, SHORTFALLS, Check, Phase, cells, named, shortfall


def test_the_tables_are_those_of_the_last_run() -> None:
    """If this fails, run script/faults."""
    text = page.PAGE.read_text()
    assert text == page.with_results(text)


def test_every_cell_is_in_the_tables() -> None:
    found = matrix.read(page.RESULTS)
    assert found.keys() == {each.name for each in cells()}
    starts = tuple(f"| {name} |" for name in page.NAMES.values())
    rows = [line for line in page.PAGE.read_text().splitlines() if line.startswith(starts)]
    assert len(rows) == len(ROWS)
    for row in rows:
        assert all(cell.strip() for cell in row.strip("|").split("|"))
        assert row.count("|") == len(Phase) + 2


def test_no_cell_passes_that_is_not_as_promised() -> None:
    for name, found in matrix.read(page.RESULTS).items():
        short = any(shortfall(named(name), check) for check in Check)
        assert (found["status"] == "passed") == (not short and not found.get("wrong") and name not in NOT_RUN), name


def test_each_phase_and_each_engine_has_a_representative_cell() -> None:
    chosen = [named(each) for each in REPRESENTATIVE]
    assert {each.phase for each in chosen} == set(Phase)
    assert {each.engine for each in chosen} == {row.engine for row in ROWS}


def test_each_exception_is_about_a_cell_and_says_why() -> None:
    names = {each.name for each in cells()}
    assert NOT_RUN.keys() <= names
    assert all(NOT_RUN.values())
    engines = {(row.fault, row.engine) for row in ROWS}
    assert [each for each in SHORTFALLS if (each.fault, each.engine) not in engines or not each.reason] == []
