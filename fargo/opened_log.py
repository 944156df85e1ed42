"""The log of a gateway or worker that starts: opened, with what was said without it, and the worker's share of it."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from twisted.logger import Logger

from fargo import texts
from fargo.backfill import backfill
from fargo.config import Config
from fargo.engine import Engine
from fargo.statemachine import machine
from fargo.store.interface import Store, StoreError
from fargo.store.opening import log_in, open_store
from fargo.store.spare import Spare, take_in
from fargo.store.state import open_log, open_log_beside, owners_in, require_key
from fargo.workers.following import Follower
from fargo.workers.share import Share

_logger = Logger()


def opened(config: Config, reactor: Any) -> tuple[Spare, Store]:
    """Open the spare log and the log, and move into that what the gateway has said without it. A worker is not given
    the lease if it has not the key: it could do nothing with its users. Raises StoreError.
    """
    directory, database, worker = config.state.directory, config.log.store, config.worker
    if database and worker:
        require_key(config.keys, database)
    spare = Spare(log_in(directory))
    try:
        if spare.entries():
            with closing(open_log(directory, backfill, database, worker)) as log:
                left_out = take_in(spare, log)
            if left_out:
                _logger.error(texts.NOT_TAKEN_IN, count=left_out)
        return spare, open_log_beside(reactor, directory, backfill, database, worker)
    except StoreError:
        spare.close()
        raise


def share_of(config: Config, log: Store, engine: Callable[[], Engine], reactor: Any) -> Share | None:
    """Return this worker's share of the users in a log that is open, None if this is no worker. Raises StoreError."""
    if config.worker is None or config.log.store is None:
        return None
    owners = owners_in(log, config.keys, config.log.store, config.worker, reactor)
    return Share(config.worker, owners, log, engine, reactor)


def follower_of(config: Config) -> Follower | None:
    """Return what follows the log while another process is this worker, None if this is no worker."""
    database, worker = config.log.store, config.worker
    if worker is None or database is None:
        return None
    return Follower(lambda: open_store(database, beside_writer=True, worker=worker), machine)
