"""One event's turn: when it is, and which commands it leads to, in order.

Folding is pure seen from outside: a Turn is made for one event, filled by the rooms the event passes through, and read
once.
"""

from msgspec import Struct, field

from fargo.statemachine.model.call_records import Note
from fargo.statemachine.model.commands import Command, Issued


class Turn(Struct, gc=False):
    """Names each command by the version of the event that caused it and its place among that event's commands.

    ``user``, ``version``, ``at``: the event's. ``issued``: all commands so far, in order; ``notes``: what is to follow
    them.
    """

    user: str
    version: int
    at: float
    issued: list[Issued] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def issue(self, command: Command) -> str:
        """Add a command; its id comes back, which is the id of the IQ, connection or channel that it leads to."""
        issued = self.issued
        name = "%d.%d" % (self.version, len(issued))  # noqa: UP031 (an f-string takes twice as long)
        issued.append(Issued(self.user, name, command))
        return name

    def note(self, note: Note) -> None:
        """Say something for whoever reads the log."""
        self.notes.append(note)

    def close(self) -> None:
        """Add the notes, as all commands are there (see `notes`, rule 2)."""
        for note in self.notes:
            self.issue(note)

    def withdraw(self) -> None:
        """Forget the commands: the fold that issued them did not come to its end."""
        self.issued.clear()
        self.notes.clear()
