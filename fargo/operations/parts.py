"""The parts of a running gateway, and what is wrong with each."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import getpid
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from fargo.edge.run import Edge
from fargo.operations import texts
from fargo.operations.memory import memory_of, memory_of_trees
from fargo.operations.values import PartStatus
from fargo.supervisor import Supervisor

_ITSELF: Final = "gateway"


class XmppLink(Protocol):
    """The stream to the XMPP server. ``trouble``: why it is not open, "" if that is not known."""

    @property
    def is_open(self) -> bool: ...
    @property
    def trouble(self) -> str: ...


class Programs(Protocol):
    """A part that consists of programs. ``pids``: of those that run, without their children. ``restarts``: how often
    one has ended by itself.
    """

    @property
    def is_up(self) -> bool: ...
    @property
    def pids(self) -> tuple[int, ...]: ...
    @property
    def restarts(self) -> int: ...


class EdgePrograms:
    """The SIP edge as `Programs`."""

    def __init__(self, supervisor: Supervisor[Edge]) -> None:
        self._supervisor = supervisor

    @property
    def is_up(self) -> bool:
        """True while the edge runs."""
        return self._supervisor.running is not None

    @property
    def pids(self) -> tuple[int, ...]:
        """The process of the edge, if it runs."""
        edge = self._supervisor.running
        return (edge.pid,) if edge and edge.pid else ()

    @property
    def restarts(self) -> int:
        """The number of times that the edge has ended by itself."""
        return self._supervisor.restarts


class Relay(Protocol):
    """The media relay. ``sessions``: how many it has, None if it has not told."""

    @property
    def answers(self) -> bool: ...
    @property
    def sessions(self) -> int | None: ...


class Log(Protocol):
    """The writer of the log. ``no_room``: the disk is almost full."""

    @property
    def is_failing(self) -> bool: ...
    @property
    def no_room(self) -> bool: ...


@dataclass(frozen=True)
class Parts:
    """The parts of a gateway. ``relay``: None if none is configured."""

    xmpp: XmppLink
    edge: Programs
    engine: Programs
    relay: Relay | None
    log: Log

    def statuses(self, memory: dict[str, int | None]) -> dict[str, PartStatus]:
        """Return the status of each part by name, with its memory."""
        edge, engine = self.edge, self.engine
        found = {
            "xmpp": PartStatus(None if self.xmpp.is_open else self.xmpp.trouble or texts.NO_STREAM),
            "edge": PartStatus(None if edge.is_up else texts.NO_EDGE, memory["edge"], edge.restarts),
            "engine": PartStatus(None if engine.is_up else texts.NO_ENGINE, memory["engine"], engine.restarts),
        }
        if self.relay:
            found["relay"] = PartStatus(None if self.relay.answers else texts.NO_RELAY)
        return found | {"log": PartStatus(next(self._problems_of_log(), None))}

    def memory(self, reactor: Any) -> Deferred[dict[str, int | None]]:
        """Fires with the bytes of memory of the gateway's own process, the edge and the engine, by name."""
        edge, engine = self.edge.pids, self.engine.pids

        def read() -> dict[str, int | None]:
            return {
                _ITSELF: memory_of(getpid()),
                "edge": memory_of_trees(edge),
                "engine": memory_of_trees(engine),
            }

        return deferToThreadPool(reactor, reactor.getThreadPool(), read)

    def _problems_of_log(self) -> Iterator[str]:
        if self.log.is_failing:
            yield texts.LOG_FAILED
        if self.log.no_room:
            yield texts.NO_ROOM
