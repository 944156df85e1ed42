"""The SIP edge that a gateway has left as one process is ended by its workers, and the other way around."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

import pytest

from fargo import left_edges
from fargo.checking import ports
from fargo.config import load
from fargo.edge.leftover import Leftover, find, recorded, run_dir_in
from fargo.left_edges import directories_of_others
from fargo.store.state import take_lock

FILE = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.1"
[log]
store = "postgresql:///fargo"
[state]
directory = "state"
"""
WORKERS = "[workers.a]\n[workers.b]\n"

pytestmark = pytest.mark.servers
Leave = Callable[[Path], Leftover]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "one.toml").write_text(FILE)
    (tmp_path / "several.toml").write_text(FILE + WORKERS)
    for path in ("state", "state/a", "state/b"):
        (tmp_path / path).mkdir(mode=0o700)
    return tmp_path / "state"


@pytest.fixture
def leave() -> Iterator[Leave]:
    """Leaves something that runs in the place of kamailio, in a directory."""
    with ExitStack() as stack:

        def left(directory: Path) -> Leftover:
            run_dir = run_dir_in(directory)
            run_dir.mkdir()
            command = [*recorded(run_dir), sys.executable, "-c", "import time; time.sleep(60)"]
            process = subprocess.Popen(command, start_new_session=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            limit = monotonic() + 10
            while (found := find(run_dir)) is None:
                assert monotonic() < limit
                sleep(0.01)
            return found

        yield left


def test_a_worker_ends_that_of_the_gateway_that_was_one_process(state: Path, leave: Leave) -> None:
    left, own = leave(state), leave(state / "a")
    config = load(state.parent / "several.toml", "a")
    assert directories_of_others(config) == [state]
    left_edges._end_all(config)
    assert not left.is_running
    assert own.is_running, "this worker adopts it"
    assert directories_of_others(config) == []
    assert not list(state.glob("*.lock"))


def test_a_gateway_that_is_one_process_ends_those_of_its_workers(state: Path, leave: Leave) -> None:
    left, own = [leave(state / name) for name in ("a", "b")], leave(state)
    config = load(state.parent / "one.toml")
    assert directories_of_others(config) == [state / "a", state / "b"]
    assert [*ports.busy(config)] == [], "they are about to be free"
    left_edges._end_all(config)
    assert not any(each.is_running for each in left)
    assert own.is_running


def test_that_of_a_gateway_that_runs_stays(state: Path, leave: Leave) -> None:
    left, lock = leave(state), take_lock(state)
    left_edges._end_all(load(state.parent / "several.toml", "a"))
    assert left.is_running
    lock.release()
