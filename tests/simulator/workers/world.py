"""Processes that can be workers, their log, and those who speak with them: what may happen, and what must hold.

Rules, each of which has its words in `Rule`:

1. Nothing is said of which the event is not in the log, unless it needs no row.
2. A process says nothing any more LATE seconds after its lease has ended; less, once another one has spoken.
3. Each command is said once. What is only in a spare log has no part in this.
4. Folding the log again gives its commands; versions have no gap.
5. If a process could be the worker for LONGEST seconds, one is.
6. What comes to a process that nothing happens to is in the log SOON.
7. When all trouble is over, one process of each worker serves, and knows what the log says; nothing is left over.
8. Only the worker that has a user speaks for that user, and what is handed on is folded once.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event, GatewayAsked, PresenceProbed, RegistrationSubmitted, SipAccount
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.sip_messages import Binding, RegisterAnswered, SendRegister
from fargo.statemachine.model.sip_values import Endpoint
from fargo.statemachine.user_state import User
from fargo.store.postgresql.lease import SILENT_SECONDS, TAKE_SECONDS, kind_of
from fargo.store.postgresql.threaded import AWAY_SECONDS
from fargo.workers.standby import PAUSE
from replay.verifying.verify import verify

from ..broken import Broken
from ..values import GATEWAY, REGISTRAR, REQUESTS
from .ownership import Book
from .process import AGAIN_SECONDS, Process
from .rules import Rule
from .server import QUICK, Server
from .still_clock import StillClock

USERS: Final = ("alice@localhost", "bob@localhost")
LATE: Final = 0.5
LONGEST: Final = SILENT_SECONDS + TAKE_SECONDS + PAUSE + AGAIN_SECONDS + 0.5
SOON: Final = 2.0
SETTLES: Final = AWAY_SECONDS + 60.0


class _Due(NamedTuple):
    """Something that must be in the log at a time, if nothing has happened by then."""

    at: float
    name: str
    process: Process
    troubles: tuple[int, int]


class WorkersWorld:
    """The world; nothing runs before `begin`. ``workers`` has the worker of each process."""

    def __init__(self, workers: Sequence[str] = ("a", "a")) -> None:
        self.clock = StillClock()
        self.server = Server(self.clock)
        self.book = Book(self.server)
        self.book.told, self.book.joined = self._tell, self._tell_joined
        self.workers = sorted(set(workers))
        self.processes = [
            Process(f"{number} of {worker}", worker, self.clock, self.book, self)
            for number, worker in enumerate(workers, 1)
        ]
        self.put_events = 0
        self._troubles = 0
        self._troubled_at = 0.0
        self._said: set[tuple[str, str]] = set()
        self._heard: set[str | None] = set()
        """Everyone who was told anything."""
        self._spoke: dict[str, tuple[Process, float]] = {}
        """Whoever has spoken for each user last, and when."""
        self._due: list[_Due] = []
        self._owned_at = dict.fromkeys(self.workers, 0.0)
        self._broken: Broken | None = None

    # --- time

    def run(self, seconds: float) -> None:
        """Let time pass, from one thing that happens to the next. Raises Broken."""
        until = self.clock.seconds() + seconds
        while self.clock.step(until):
            self._check()
        self._check()

    # --- what may happen

    def begin(self) -> None:
        """Start all processes."""
        for each in self.processes:
            each.boot()

    def put(self, process: Process, user: str, kind: int) -> None:
        """Let something come for a user to a process."""
        self.put_events += 1
        sender = f"{user}/{self.put_events}"
        process.receive(f"<{user} {sender} {kind}")
        is_owner = self.holder(process.worker) is process and process.serves and process.is_well
        if is_owner and self.server.is_quick and kind:
            self._due.append(_Due(self.clock.seconds() + SOON, sender, process, (self._troubles, process.troubles)))

    def event(self, name: str) -> Event:
        """Return the event of a stanza: a sender and a number."""
        sender, _, number = name.partition(" ")
        kind, name = int(number), sender.partition("/")[2]
        if kind == 0:
            return PresenceProbed(GATEWAY)
        if kind == 1:
            iq = Iq(sender, GATEWAY, f"iq{name}")
            return RegistrationSubmitted(iq, SipAccount("alice@sip.test"), f"secret{name}", f"nonce{name}-")
        return GatewayAsked(sender, GATEWAY, REQUESTS[kind % len(REQUESTS)])

    def trouble(self, process: Process | None = None) -> None:
        """Note that something is done to a process, or to the server."""
        if process:
            process.trouble()
        else:
            self._troubles += 1
            self._troubled_at = self.clock.seconds()

    def restart_server(self, seconds: float) -> None:
        """Let the server be away for some seconds."""
        self.trouble()
        self.server.go_down()
        self.clock.later(seconds, self._server_up)

    def _server_up(self) -> None:
        self.trouble()
        self.server.is_up = True

    # --- what is said

    def _tell(self, worker: str) -> None:
        for each in self.processes:
            each.told(worker)

    def _tell_joined(self, worker: str) -> None:
        for each in self.processes:
            each.others_joined(worker)

    def holder(self, worker: str) -> Process | None:
        """Return the process that has the lease of a worker."""
        session = self.server.holder(kind_of(worker))
        return next((each for each in self.processes if session and each.name == session.owner), None)

    def says(self, process: Process, issued: Issued) -> None:
        """Somebody hears a command. Raises Broken if they must not."""
        try:
            self._hear(process, issued)
        except Broken as broken:  # the engine takes it for a bug that costs one command
            self._broken = self._broken or broken
            raise

    def _hear(self, process: Process, issued: Issued) -> None:
        version = int(issued.id.partition(".")[0])
        if version and not process.spares(issued.user, version):
            if (issued.user, issued.id) in self._said:
                raise Broken(Rule.ONCE, (process.name, issued))
            self._said.add((issued.user, issued.id))
            if version > self.server.version(issued.user):
                raise Broken(Rule.COMMITTED, (process.name, issued))
        self._heard.add(_recipient(issued.command))
        if not self.book.has(process.worker, issued.user):
            raise Broken(Rule.OWNER, (process.name, issued))
        if self.holder(process.worker) is not process:
            self._said_late(process, issued)
        self._spoke[issued.user] = (process, self.clock.seconds())
        if isinstance(issued.command, SendRegister):
            self.clock.later(0.05, process.put, issued.user, _registered(issued, issued.command))

    def _said_late(self, process: Process, issued: Issued) -> None:
        ended = [at for at, session in self.server.ended if session.owner == process.name]
        if not ended or self.clock.seconds() - ended[-1] > LATE:
            raise Broken(Rule.SILENT, (process.name, issued))
        speaker, spoke = self._spoke.get(issued.user, (process, 0.0))
        if speaker is not process and spoke >= ended[-1]:
            raise Broken(Rule.ALONE, (process.name, issued))

    # --- what must hold

    def _check(self) -> None:
        if self._broken:
            raise self._broken
        now = self.clock.seconds()
        for worker in self.workers:
            self._check_worker(worker, now)
        while self._due and self._due[0].at <= now:
            due = self._due.pop(0)
            if due.troubles == (self._troubles, due.process.troubles) and not self._is_kept(due.name):
                raise Broken(Rule.KEPT, due.name)

    def _check_worker(self, worker: str, now: float) -> None:
        holder = self.holder(worker)
        if (holder and holder.is_well) or not self.server.is_quick:
            self._owned_at[worker] = now
        team = [each for each in self.processes if each.worker == worker]
        calm = [max(each.troubled_at, self._troubled_at) for each in team if each.is_well]
        if calm and now - max(self._owned_at[worker], min(calm)) > LONGEST:
            raise Broken(Rule.OWNED, [(each.name, each.is_well) for each in team])

    def _is_kept(self, sender: str) -> bool:
        """Return True if somebody was told of what came, or it is in the log, or written down for another worker."""
        kept = [each.text for each in self.book.written] + [each for one in self.processes for each in one.turned_down]
        return sender in self._heard or any(f" {sender} " in each for each in kept) or self._is_logged(sender)

    def _is_logged(self, sender: str) -> bool:
        return any(_sender(recorded.event) == sender for recorded, _ in self.server.rows)

    def finish(self) -> None:
        """Let all trouble be over. Raises Broken if not all comes to rest."""
        self.server.commit_seconds, self.server.is_full = QUICK, False
        self.trouble()
        for each in self.processes:
            each.trouble()
            each.link.heal()
            each.thaw()
            each.boot()
        self.run(SETTLES)
        serving = [each for each in self.processes if each.serves and each.is_well]
        if sorted(each.worker for each in serving) != self.workers:
            raise Broken(Rule.SETTLED, [each.name for each in serving])
        for each in serving:
            for user in USERS:
                self.put(each, user, 2)
        self.run(SOON + 1)
        self._verify({each.worker: each for each in serving})

    def end(self) -> None:
        """Let nothing of it go on."""
        for each in self.processes:
            each.die()

    def _verify(self, serving: dict[str, Process]) -> None:
        if self.book.written:
            raise Broken(Rule.SETTLED, self.book.written)
        senders = Counter(_sender(recorded.event) for recorded, _ in self.server.rows)
        if twice := [each for each, count in senders.items() if each and "/" in each and count > 1]:
            raise Broken(Rule.FOLDED, twice)
        verdict = verify(self.server.rows)
        if verdict.differences:
            raise Broken(Rule.TRUE, verdict.groups)
        for user, (worker, _) in self.book.owners.items():
            known = serving[worker].engine.state(user) or new(user)
            if known != self._folded(user):
                raise Broken(Rule.SETTLED, known)

    def _folded(self, jid: str) -> User:
        user = new(jid)
        for recorded, _ in self.server.rows:
            if recorded.user == jid:
                user = fold(user, recorded)[0]
        return user


def _registered(issued: Issued, command: SendRegister) -> RegisterAnswered:
    """Return the registrar's answer: it takes every registration, and ends it when it is asked to."""
    name = command.connection or issued.id
    there = (Binding(f"sip:{name}@127.0.0.1:5060", command.expires, ours=True, name=name),) if command.expires else ()
    return RegisterAnswered(name, issued.id, 200, "OK", REGISTRAR, there, seen=Endpoint("tcp", "127.0.0.1", 40000))


def _recipient(command: Command) -> str | None:
    iq = getattr(command, "iq", None)
    return getattr(command, "to", None) if iq is None else iq.sender


def _sender(event: Event) -> str | None:
    iq = getattr(event, "iq", None)
    return getattr(event, "sender", None) if iq is None else iq.sender
