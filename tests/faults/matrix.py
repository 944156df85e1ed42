"""Run cells of the matrix, each as a process of its own.

Rules:

1. A cell has a network, mount and process namespace of its own. So no cell meets the ports, files and processes of
   another one, and what it leaves running ends with it. /dev/shm is a file system of its own, too.
2. A cell that raises before the fault, or takes longer than `LONGEST`, has failed.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from .cells import NOT_RUN, Cell, Check, cells, shortfall
from .runner import Outcome, verdict

ROOT: Final = Path(__file__).parents[2]
LONGEST: Final = 300
"""Seconds."""
IN_NAMESPACES: Final = (
    *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c"),
    'ip link set lo up && mount -t tmpfs tmpfs /dev/shm && "$@"; exit $?',
    "sh",
)
"""Runs a program in namespaces of its own. The shell stays as their first process, which takes in orphans."""
LOGS: Final = ROOT / ".run/faults"
"""Has a file for each cell, with its outcome and the last output of all programs."""
LINES_SHOWN: Final = 5


async def _outcome(cell: Cell, short: bool) -> Outcome:
    """Run a cell in a process of its own. Raises RuntimeError with its last output if it has no outcome (rule 2)."""
    command = (*IN_NAMESPACES, sys.executable, "-m", "faults", cell.name, *(["--short"] if short else []))
    paths = os.pathsep.join(str(ROOT / each) for each in ("", "tests"))
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": "/dev/shm"}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(LONGEST):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise RuntimeError(f"{cell.name} takes longer than {LONGEST} s") from None
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{cell.name}.txt").write_bytes(output + errors)
    if process.returncode:
        shown = "\n".join(errors.decode(errors="replace").splitlines()[-LINES_SHOWN:])
        raise RuntimeError(f"{cell.name} could not be run:\n{shown}")
    return Outcome(**json.loads(output.splitlines()[-1]))


async def results(chosen: Iterable[Cell], workers: int, short: bool = False) -> AsyncIterator[dict[str, Any]]:
    """Run cells, so many at a time, and yield the result of each one as it comes."""
    left = list(chosen)
    running: set[asyncio.Task[dict[str, Any]]] = set()
    while left or running:
        while left and len(running) < workers:
            running.add(asyncio.create_task(result(left.pop(0), short)))
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            yield each.result()


async def result(cell: Cell, short: bool) -> dict[str, Any]:
    """Return the outcome of a cell with its status: passed, failed, "not yet" or "not run"."""
    if reason := NOT_RUN.get(cell.name):
        return {"cell": cell.name, "status": "not run", "why": [reason]}
    try:
        made = await _outcome(cell, short)
    except RuntimeError as failed:
        return {"cell": cell.name, "status": "failed", "why": [str(failed)]}
    why = verdict(cell, made)
    known = any(shortfall(cell, check) for check in Check)
    status = "failed" if why else "not yet" if known else "passed"
    return {**made.as_dict(), "status": status, "why": why}


def read(path: Path) -> Mapping[str, dict[str, Any]]:
    """Return the results in a file, by cell."""
    return {each["cell"]: each for each in json.loads(path.read_text())["cells"]}


def write(path: Path, found: Iterable[dict[str, Any]]) -> None:
    """Write results to a file, with one line for each. Those of other cells of the matrix stay."""
    known = {each.name for each in cells()}
    merged = {**(read(path) if path.exists() else {}), **{each["cell"]: each for each in found}}
    lines = ",\n".join(json.dumps(merged[name], sort_keys=True) for name in sorted(known & merged.keys()))
    path.write_text(f'{{"cells": [\n{lines}\n]}}\n')
