"""The commands that folding one event leads to, in order, and the time of that event.

Rules:

1. The fold is pure seen from outside: an Effects is made for one event, filled by the modules that the event passes
   through, and read once.
2. A command belongs to the call that is being folded when it is emitted. Code that folds a call, or a reply to a
   command of a call, sets `call` before. Code that folds several calls in turn resets it to None afterwards. The call
   that is set in the end is that of the event.
"""

from msgspec import Struct, field

from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.registrations import Registrations
from fargo.statemachine.pending import Pending, PendingCommands


class Mark(Struct, frozen=True, gc=False):
    """A point in the effects of an event, to return to if the code after it fails."""

    issued: int
    records: tuple[tuple[LogRecord, str | None], ...]
    pending: PendingCommands
    registrations: Registrations


class Effects(Struct, gc=False):
    """Collect commands; name each by the version of the event that caused it and its place among that event's commands.

    ``user``, ``version``, ``at``: of the event. ``pending``: the user's commands that wait for a reply, as the event
    leaves them, and ``registrations`` likewise; these maps are replaced, never changed. ``call``: the id of the call
    that is being folded, None if it is none. ``issued``: all commands so far, in order. ``records``: the call and
    account records that will follow them, each with its call.
    """

    user: str
    version: int
    at: float
    pending: PendingCommands = field(default_factory=dict)
    registrations: Registrations = field(default_factory=dict)
    call: str | None = None
    issued: list[Issued] = field(default_factory=list)
    records: tuple[tuple[LogRecord, str | None], ...] = ()

    def emit(self, command: Command) -> str:
        """Add a command. Return its id, which is also the id of the IQ, connection or channel that it leads to."""
        issued = self.issued
        name = f"{self.version}.{len(issued)}"
        issued.append(Issued(self.user, name, command, self.call))
        return name

    @property
    def next_id(self) -> str:
        """The id that the next command will have."""
        return f"{self.version}.{len(self.issued)}"

    def emit_pending(self, command: Command, seconds: float | None, repeats: int = 0) -> str:
        """Add a command that waits for its reply for so many seconds, and is repeated so often if none comes.

        ``seconds`` is None if nobody waits, but a reply counts. Return the command's id.
        """
        name = self.emit(command)
        until = None if seconds is None else self.at + seconds
        pending = dict(self.pending)  # quicker than a display
        pending[name] = Pending(command, seconds, until, repeats, self.call)
        self.pending = pending
        return name

    def settle(self, *names: str) -> None:
        """Take commands out of the pending ones, as far as they are among them."""
        left = dict(self.pending)
        for name in names:
            left.pop(name, None)
        if len(left) < len(self.pending):
            self.pending = left

    def acknowledge(self, name: str) -> None:
        """Wait no longer for the reply to a pending command, but keep it: it may yet be refused."""
        waiting = self.pending[name]
        self.pending = {**self.pending, name: Pending(waiting.command, None, None, 0, waiting.call)}

    def wait_no_longer(self, name: str) -> None:
        """Wait no longer for the reply to a pending command, but keep in mind that there was none."""
        waiting = self.pending[name]
        unanswered = Pending(waiting.command, waiting.seconds, None, waiting.repeats, waiting.call)
        self.pending = {**self.pending, name: unanswered}

    def amend(self, name: str, command: Command) -> None:
        """Keep a pending command in another form, which takes in what has been heard about it since."""
        waiting = self.pending[name]
        amended = Pending(command, waiting.seconds, waiting.until, waiting.repeats, waiting.call)
        self.pending = {**self.pending, name: amended}

    def postpone(self, name: str, seconds: float) -> None:
        """Let so many seconds pass before a pending command is repeated, or counts as unanswered."""
        waiting = self.pending[name]
        postponed = Pending(waiting.command, waiting.seconds, self.at + seconds, waiting.repeats, waiting.call)
        self.pending = {**self.pending, name: postponed}

    def repeat(self, name: str, repeats: int, command: Command | None = None) -> None:
        """Emit a pending command once more, under a new id, to wait as long as before and be repeated so often.

        ``command``: its new form, None if that is the old one.
        """
        waiting, folded = self.pending[name], self.call
        self.settle(name)
        self.call = waiting.call
        self.emit_pending(command or waiting.command, waiting.seconds, repeats)
        self.call = folded

    def record(self, record: LogRecord) -> None:
        """Add a record for the readers of the log."""
        self.records = (*self.records, (record, self.call))

    def close(self) -> None:
        """Append the records behind the commands (`call_records`, rule 2)."""
        folded = self.call
        for record, call in self.records:
            self.call = call
            self.emit(record)
        self.call = folded

    def mark(self) -> Mark:
        """Return how far the effects have come."""
        return Mark(len(self.issued), self.records, self.pending, self.registrations)

    def return_to(self, mark: Mark) -> None:
        """Drop everything since the mark: the fold that emitted it failed."""
        del self.issued[mark.issued :]
        self.records = mark.records
        self.pending = mark.pending
        self.registrations = mark.registrations
