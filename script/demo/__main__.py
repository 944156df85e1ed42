"""`script/up` after the installation: its options, its lock and its exit codes."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

# The servers and the client are those of the tests. The root comes first, because some folders of the tests have the
# names of packages.
sys.path.extend(str(Path(__file__).resolve().parents[2] / each) for each in ("", "script", "tests"))

from demo.lock import LockedError, lock
from demo.show import show
from demo.talk import DemoError
from world.process import ProcessError

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 128 + signal.SIGINT


def options() -> argparse.Namespace:
    """Parse the command line; an invalid one exits with code 2. `script/up` itself handles --help."""
    parser = argparse.ArgumentParser("script/up", usage="script/up [--once] [--run DIR]", add_help=False)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--run", type=Path, default=ROOT / ".run")
    return parser.parse_args()


def main() -> int:
    given = options()
    try:
        run = given.run.resolve()
        with lock(run) as pids:
            return asyncio.run(until_signal(show(run, given.once, pids)))
    except (LockedError, OSError) as error:
        print(f"script/up cannot start: {error}", file=sys.stderr)
        return 2


async def until_signal(demonstration: Coroutine[Any, Any, int]) -> int:
    """Run the demonstration and return its exit code. Ctrl-C and SIGTERM stop it in order."""
    task = asyncio.current_task()
    assert task
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    try:
        return await demonstration
    except (DemoError, ProcessError, OSError) as error:
        print(f"\nscript/up failed: {error}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return INTERRUPTED


sys.exit(main())
