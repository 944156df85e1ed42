"""Reading the log of a gateway that has stopped: it must fold to the same commands again."""

from contextlib import closing

from fargo.store.entries import Entry
from fargo.store.opening import open_reader
from fargo.store.places import LogPlace
from replay.verifying.report import report
from replay.verifying.verify import verify


def verified(place: LogPlace) -> list[Entry]:
    """Return the entries of a log, which must verify."""
    with closing(open_reader(place)) as log:
        entries = list(log.read())
    verdict = verify(entries)
    assert not verdict.differences, "\n".join(report(verdict))
    return entries
