"""The commands that folding one event leads to, in order, and the time of that event.

The fold is pure seen from outside: an Effects is made for one event, filled by the modules that the event passes
through, and read once.
"""

from msgspec import Struct, field

from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import Command, Issued


class Effects(Struct, gc=False):
    """Collect commands; name each by the version of the event that caused it and its place among that event's commands.

    ``user``, ``version``, ``at``: of the event. ``issued``: all commands so far, in order. ``records``: the call and
    account records that will follow them.
    """

    user: str
    version: int
    at: float
    issued: list[Issued] = field(default_factory=list)
    records: list[LogRecord] = field(default_factory=list)

    def emit(self, command: Command) -> str:
        """Add a command. Return its id, which is also the id of the IQ, connection or channel that it leads to."""
        issued = self.issued
        name = "%d.%d" % (self.version, len(issued))  # noqa: UP031 (an f-string takes twice as long)
        issued.append(Issued(self.user, name, command))
        return name

    def record(self, record: LogRecord) -> None:
        """Add a record for the readers of the log."""
        self.records.append(record)

    def close(self) -> None:
        """Append the records behind the commands (`call_records`, rule 2)."""
        for record in self.records:
            self.emit(record)

    def discard(self) -> None:
        """Drop everything: the fold that emitted it failed."""
        self.issued.clear()
        self.records.clear()
