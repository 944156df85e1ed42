"""One event's turn: when it is, and which commands it leads to, in order.

Folding is pure seen from outside: a Turn is made for one event, filled by the rooms the event passes through, and read
once.
"""

from fargo.statemachine.commands import Command, Issued
from fargo.statemachine.events import Recorded
from fargo.statemachine.notes import Note


class Turn:
    """Names each command by the version of the event that caused it and its place among that event's commands.

    ``at``: seconds since 1970. ``issued``: all commands so far, in order, without notes.
    """

    __slots__ = ("_notes", "at", "issued", "user", "version")

    def __init__(self, recorded: Recorded) -> None:
        self.user = recorded.user
        self.version = recorded.version
        self.at = recorded.at
        self.issued: list[Issued] = []
        self._notes: list[Note] = []

    def issue(self, command: Command) -> str:
        """Add a command; its id comes back, which is the id of the IQ, connection or channel that it leads to."""
        name = f"{self.version}.{len(self.issued)}"
        self.issued.append(Issued(self.user, name, command))
        return name

    def note(self, note: Note) -> None:
        """Say something for whoever reads the log."""
        self._notes.append(note)

    def ended(self) -> tuple[Issued, ...]:
        """All commands, and after them the notes (see `notes`, rule 2)."""
        for note in self._notes:
            self.issue(note)
        return tuple(self.issued)

    def withdraw(self) -> None:
        """Forget the commands: the fold that issued them did not come to its end."""
        self.issued.clear()
        self._notes.clear()
