"""The results of the matrix, which are those of the last run of each cell in full length, and the tables made of them.

Rules:

1. Every cell is in the tables, with what happened in it. One that is not as promised says so, and has a note with the
   reason; so does one that is not run.
2. Times are in seconds since the fault began, for those who were told of an end; and since it was over, or what it
   ended ran again, for the first new call out and in.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from . import matrix
from .cells import ROWS, Cell, Check, Fault, Phase, Shortfall, cells, shortfall
from .matrix import ROOT

RESULTS: Final = Path(__file__).with_name("results.json")
PAGE: Final = ROOT / "docs/reliability.md"
BEGIN: Final = "<!-- The tables are made by script/faults. -->"
END: Final = "<!-- End of the tables. -->"
_NEVER: Final = {"status": "not run", "why": ["It has not been run."]}
NAMES: Final[Mapping[Fault, str]] = {
    Fault.GATEWAY: "the gateway is killed",
    Fault.EDGE: "the SIP edge is killed",
    Fault.RAKIA: "rakia is killed",
    Fault.BUS: "rakia's message bus is killed",
    Fault.RELAY: "the media relay is killed",
    Fault.XMPP: "the XMPP server is killed",
    Fault.SILENT: "the provider is silent for 30 s",
    Fault.BUSY: "the provider answers 503 for 60 s",
    Fault.DISK: "the disk is full for 8 s",
    Fault.LOCKED_4: "the log is locked for 4 s",
    Fault.LOCKED_10: "the log is locked for 10 s",
    Fault.AHEAD: "the clock jumps 1 h ahead",
    Fault.BEHIND: "the clock jumps 1 h back",
    Fault.POWER: "all of this is killed at once",
}


def with_results(text: str) -> str:
    """Return the page with the tables of the last results."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def tables() -> str:
    """Return the tables, one for each engine, and the notes."""
    found = matrix.read(RESULTS)
    notes: list[str] = []
    parts = [_counted(found.values())]
    for engine in ("sip", "telepathy"):
        parts += [f"### Engine `{engine}`", "\n".join(_table(engine, found, notes))]
    if notes:
        parts += ["### Not as promised", "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n\n".join(parts) + "\n"


def summary(found: Iterable[Mapping[str, Any]]) -> str:
    """Return a table of the status of each cell, how many there are of each status, and what has failed."""
    by_name = {each["cell"]: each for each in found}
    lines = [f"{'':28}" + "".join(f"{phase:13}" for phase in Phase)]
    for row in ROWS:
        statuses = [by_name.get(f"{row.fault}.{phase}.{row.engine}", {}).get("status", "") for phase in Phase]
        if any(statuses):
            lines.append(f"{row.fault + ' ' + row.engine:28}" + "".join(f"{each:13}" for each in statuses))
    failed = [f"{name}: {'; '.join(each['why'])}" for name, each in by_name.items() if each["status"] == "failed"]
    return "\n".join((*lines, _counted(by_name.values()), *failed))


def _counted(found: Iterable[Mapping[str, Any]]) -> str:
    counted = Counter(each["status"] for each in found)
    told = ", ".join(f"{counted[each]} {each}" for each in ("passed", "not yet", "not run", "failed"))
    return f"{sum(counted.values())} cells: {told}."


def _table(engine: str, found: Mapping[str, Mapping[str, Any]], notes: list[str]) -> Iterator[str]:
    yield "| fault | " + " | ".join(each.replace("-", " ") for each in Phase) + " |"
    yield "|---" * (len(Phase) + 1) + "|"
    by_fault: dict[Fault, list[Cell]] = {}
    for cell in cells():
        if cell.engine == engine:
            by_fault.setdefault(cell.fault, []).append(cell)
    for fault, row in by_fault.items():
        yield (
            f"| {NAMES[fault]} | "
            + " | ".join(_shown(cell, found.get(cell.name, _NEVER), notes) for cell in row)
            + " |"
        )


def _shown(cell: Cell, result: Mapping[str, Any], notes: list[str]) -> str:
    """Return what a cell of the table says."""
    if result["status"] == "not run":
        return f"not run{_note(result['why'][0], notes)}"
    if result["status"] == "failed":
        return f"**failed**{_note('; '.join(result['why']), notes)}"
    wrong = "".join(f"**not yet**{_note(known.reason, notes)} " for known in _shortfalls(cell))
    return f"{wrong}{_fate(cell, result)}; new {_seconds(result['new_out'])}, {_seconds(result['new_in'])}"


def _shortfalls(cell: Cell) -> list[Shortfall]:
    """Return the shortfalls of a cell, each once."""
    return list(dict.fromkeys(known for check in Check if (known := shortfall(cell, check))))


def _fate(cell: Cell, result: Mapping[str, Any]) -> str:
    if cell.phase is Phase.IDLE:
        return "–"
    if cell.phase is Phase.SIGNING_IN:
        return "–" if Check.CALL in result["wrong"] else "signed in"
    if result["fate"] == "lives":
        return "lives"
    client, phone = (_seconds(result[each]) for each in ("client_told", "phone_told"))
    return f"phone told {phone}" if cell.phase is Phase.ENDING else f"client told {client}, phone {phone}"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{max(value, 0):.1f}"


def _note(text: str, notes: list[str]) -> str:
    if text not in notes:
        notes.append(text)
    return f" ({notes.index(text) + 1})"
