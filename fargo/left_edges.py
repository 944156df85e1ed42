"""The SIP edges that this gateway has left while it was another number of processes: one, or several workers.

Rules:

1. They have the ports, and another secret. So they are ended before this process starts its own. The far ends of calls
   that go on are told where the gateway is now, as after a take-over (`Policy.edge`).
2. An edge is ended only while the lock of its directory is held here, so that no gateway can adopt it. If somebody else
   has the lock, a gateway runs there, which needs its edge.
"""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from fargo import texts
from fargo.config import Config
from fargo.edge.leftover import end, find, run_dir_in
from fargo.store.interface import StoreError
from fargo.store.state import take_lock

_logger = Logger()


def directories_of_others(config: Config) -> list[Path]:
    """Return the state directories of this gateway as another number of processes in which it has left an edge."""
    around = [config.keys] if config.worker else _within(config.state.directory)
    return [each for each in around if find(run_dir_in(each))]


def end_edges_of_others(config: Config, reactor: Any) -> Deferred[None]:
    """End these edges, in a thread. Fires when they are gone, or cannot be ended."""
    return deferToThreadPool(reactor, reactor.getThreadPool(), _end_all, config)


def _within(directory: Path) -> list[Path]:
    try:
        return sorted(each for each in directory.iterdir() if each.is_dir())
    except OSError:
        return []


def _end_all(config: Config) -> None:
    for directory in directories_of_others(config):
        try:
            lock = take_lock(directory)
        except StoreError:
            continue
        try:
            if found := find(run_dir_in(directory)):
                _logger.info(texts.OTHER_EDGE_ENDED, pid=found.pid, directory=directory)
                end(found)
        finally:
            lock.release()
