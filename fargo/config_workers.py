"""[workers]: the workers of a gateway that is several processes, and what each has of its own.

Rules:

1. A worker is named in the file: `[workers.NAME]`. An option in `[workers.NAME.SECTION]` takes the place of the one in
   `[SECTION]` for this worker.
2. Each worker has a directory of its own, of its name, in the state directory. The keys that all share are in the
   latter.
"""

import re
from typing import Any, Final

from fargo import texts

WORKERS: Final = "workers"
"""The name of the section."""

_NAME: Final = re.compile("[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


class BadWorkersError(Exception):
    """[workers] is not valid. ``place``: of the mistake in the file; the text of the error says what is expected."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(why)
        self.place = place


def names_of(workers: object) -> tuple[str, ...]:
    """Return the names of the workers in that section of a file. Raises BadWorkersError."""
    for name, sections in _table(workers, WORKERS).items():
        place = f"{WORKERS}.{name}"
        if not _NAME.fullmatch(name):
            raise BadWorkersError(place, texts.BAD_WORKER_NAME)
        for section, options in _table(sections, place).items():
            _table(options, f"{place}.{section}")
    return tuple(_table(workers, WORKERS))


def sections_of(given: dict[str, Any], worker: str | None) -> dict[str, Any]:
    """Return the sections of a file as they count for a worker, or for all. Raises BadWorkersError if there is no
    worker of that name.
    """
    workers = given.get(WORKERS, {})
    common = {section: options for section, options in given.items() if section != WORKERS}
    if worker is None:
        return common
    if worker not in workers:
        known = ", ".join(workers) or texts.NONE
        raise BadWorkersError(WORKERS, texts.NO_SUCH_WORKER.format(name=worker, known=known))
    own = {section: {**common.get(section, {}), **options} for section, options in workers[worker].items()}
    return common | own


def _table(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadWorkersError(place, texts.NOT_A_WORKER_TABLE)
    return value
