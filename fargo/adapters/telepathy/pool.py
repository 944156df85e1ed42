"""The SIP hosts: which of them a sign-in gets, and when one is started, drained and stopped.

1. A host has a limited number of accounts, because each message costs rakia more with each account that it has.
2. A sign-in gets the first host with room. If there is none, another host is started.
3. rakia's memory grows with each call and never shrinks. A host that has grown beyond the limit is drained: it gets no
   further sign-ins, and is stopped when it is empty.
4. A host that has been empty for a while is stopped: rakia reports the end of an account before the registrar has
   acknowledged it. One that is not drained is kept, so that a sign-in need not wait. A host that has ended by itself is
   not stopped before it runs again, so that its restarts are delayed if it keeps ending.
5. A host that ends by itself is started again (`fargo.supervisor`). It has not grown then, and takes sign-ins again.
6. A host has the lowest number that is free, in which its directory is named.
7. rakia's timers go by the wall clock. If that jumps, all hosts are drained: a new registration is due when its
   registrar says.

Which host an account is on has no influence on what the core does, and is not in the log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from fargo.adapters.telepathy import texts
from fargo.supervisor import Supervised, Supervisor

_KIB_PER_MIB: Final = 1024


@dataclass(frozen=True)
class Limits:
    """The limits of a host."""

    accounts: int = 50
    memory_mib: int = 100
    """More, and it is drained."""
    settled_seconds: float = 32.0
    """After this time, all that an account has sent is answered or given up (64 * T1, RFC 3261 §17.1.1.2)."""


class Weighable(Supervised, Protocol):
    """One run of a host."""

    def memory_kib(self) -> int | None:
        """Return the memory that its rakia uses, None if it has just ended."""


H = TypeVar("H", bound=Weighable)


class PooledHost(Generic[H]):
    """A host of the pool, with all its restarts."""

    def __init__(self, name: str, number: int, supervisor: Supervisor[H], now: float) -> None:
        self.name = name
        self.number = number
        self.accounts = 0
        """The number of accounts that have it."""
        self.empty_since = now
        """The time at which its last account left it, or at which it was started."""
        self.drained = False
        self.supervisor = supervisor

    def when_running(self) -> Deferred[H]:
        """Return a Deferred with the running host, or the next one as soon as it runs. It can be cancelled."""
        return self.supervisor.when_running()


class Pool(Generic[H]):
    """All hosts.

    `make` builds one run of the host with this number; its second argument is what the run calls, with the reason, when
    it ends by itself. `lost` is called with a host that has ended by itself, before it is started again.
    """

    def __init__(
        self,
        make: Callable[[int, Callable[[str], None]], H],
        lost: Callable[[PooledHost[H]], None],
        limits: Limits,
        reactor: Any,
    ) -> None:
        self._make = make
        self._lost = lost
        self._limits = limits
        self._reactor = reactor
        self._hosts: dict[int, PooledHost[H]] = {}
        self._stopping: dict[int, PooledHost[H]] = {}
        self._log = Logger()
        self.restarts = 0
        """The number of times that a host has ended by itself."""

    @property
    def drained(self) -> list[PooledHost[H]]:
        """The hosts that are drained, until they are stopped."""
        return [each for each in self._hosts.values() if each.drained]

    @property
    def running(self) -> list[H]:
        """The hosts that run."""
        runs = [each.supervisor.running for each in self._hosts.values()]
        return [run for run in runs if run]

    def start(self) -> Deferred[None]:
        """Start the first host. The Deferred fires when it runs, or fails with ProcessError."""
        return self._add().supervisor.start()

    def stop(self) -> Deferred[None]:
        """Stop all hosts. The Deferred fires when they have ended."""
        every = [*self._hosts.values(), *self._stopping.values()]
        return gatherResults([each.supervisor.stop() for each in every]).addCallback(lambda _: None)

    def enter(self) -> PooledHost[H]:
        """Return the host for a sign-in, which has one more account from now on."""
        host = self._with_room() or self._started()
        host.accounts += 1
        return host

    def leave(self, host: PooledHost[H]) -> None:
        """Take an account from its host."""
        host.accounts -= 1
        host.empty_since = self._reactor.seconds()

    def look_after(self) -> None:
        """Drain the hosts that have grown and stop those that are empty. To be called again and again."""
        for host in [each for each in self._hosts.values() if not each.drained]:
            run = host.supervisor.running
            mib = (run.memory_kib() or 0) // _KIB_PER_MIB if run else 0
            if mib > self._limits.memory_mib:
                self._log.info(texts.DRAINED, name=host.name, mib=mib, limit=self._limits.memory_mib)
                host.drained = True
        self._stop_empty()

    def drain_all(self) -> None:
        """Drain every host, as the timers of its rakia have become wrong (rule 7)."""
        for host in self._hosts.values():
            host.drained = True
        self._stop_empty()

    def _with_room(self) -> PooledHost[H] | None:
        open_ = (each for each in self._hosts.values() if not each.drained and each.accounts < self._limits.accounts)
        return min(open_, key=lambda host: host.number, default=None)

    def _started(self) -> PooledHost[H]:
        host = self._add()
        host.supervisor.keep_running()
        return host

    def _add(self) -> PooledHost[H]:
        number = next(each for each in count(1) if each not in self._hosts and each not in self._stopping)
        name = texts.HOST.format(number=number)
        supervisor = Supervisor(
            name, lambda died: self._make(number, died), self._reactor, lambda: self._died(self._hosts[number])
        )
        self._hosts[number] = host = PooledHost(name, number, supervisor, self._reactor.seconds())
        return host

    def _died(self, host: PooledHost[H]) -> None:
        self.restarts += 1
        host.drained = False
        self._lost(host)

    def _stop_empty(self) -> None:
        if all(each.drained for each in self._hosts.values()):
            self._started()
        latest = self._reactor.seconds() - self._limits.settled_seconds
        for host in sorted(self._hosts.values(), key=lambda each: -each.number):
            if not host.accounts and host.empty_since <= latest and (host.drained or self._is_spare(host)):
                self._stop(host)

    def _is_spare(self, host: PooledHost[H]) -> bool:
        return bool(host.supervisor.running) and sum(not each.drained for each in self._hosts.values()) > 1

    def _stop(self, host: PooledHost[H]) -> None:
        self._stopping[host.number] = self._hosts.pop(host.number)
        host.supervisor.stop().addCallback(lambda _: self._stopping.pop(host.number))
