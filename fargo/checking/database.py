"""The database that has log and passwords, if it is one: if it can be used, if its key is here, and who has the log."""

from collections.abc import Iterator

from fargo.checking import texts
from fargo.checking.finding import Finding, fine, problem
from fargo.config import Config
from fargo.store.interface import StoreError
from fargo.store.opening import holder_in
from fargo.store.state import why_not_usable

_OPTION = "log.store"


def holder(config: Config) -> str | None:
    """Return the process, in words, that serves with the log in a database, on whatever machine, None if none is known
    to.
    """
    if config.log.store is None:
        return None
    try:
        return holder_in(config.log.store, config.worker)
    except StoreError:  # is told by the findings
        return None


def findings(config: Config) -> Iterator[Finding]:
    """Find why the database cannot be used. Nothing is changed in it."""
    database = config.log.store
    if database is None:
        return
    try:
        why = why_not_usable(config.keys, database)
    except StoreError as error:
        why = str(error)
    yield problem(_OPTION, why) if why else fine(texts.DATABASE_ANSWERS.format(database=database))
