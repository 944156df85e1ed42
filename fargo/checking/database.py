"""The database that has log and passwords, if it is one: if it can be used, and if its key is here."""

from collections.abc import Iterator

from fargo.checking import texts
from fargo.checking.finding import Finding, fine, problem
from fargo.config import Config
from fargo.store.interface import StoreError
from fargo.store.state import why_not_usable

_OPTION = "log.store"


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
