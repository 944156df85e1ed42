"""Answers what the operator asks of the running gateway."""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final, NamedTuple, assert_never

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Cooperator
from twisted.logger import Logger

from fargo.calls import Record
from fargo.control.questions import Announce, AskStatus, Drain, ListFailures, ListUsers, Question, RemoveUser
from fargo.control.server import ProblemError
from fargo.engine import Engine
from fargo.operations import texts
from fargo.operations.announcing import AT_ONCE, EVERY, Announcer
from fargo.operations.census import Census, account_state
from fargo.operations.failures import Failures
from fargo.operations.instant import instant
from fargo.operations.listing import Listing
from fargo.operations.others import OtherWorkers
from fargo.operations.parts import Parts
from fargo.operations.tally import CallTally
from fargo.operations.values import (
    Announcement,
    CallFigures,
    Draining,
    GatewayStatus,
    LogFigures,
    Phase,
    UserRemoval,
)
from fargo.plain import plain
from fargo.statemachine.address import local_of
from fargo.statemachine.model.events import UserRemoved
from fargo.store.entries import Entry, forgets_user
from fargo.store.interface import Reader, StoreError

_MINUTE: Final = 60
_HOUR: Final = 3600


class About(NamedTuple):
    """The phase of the gateway, and what the operator has configured: its domain, how long calls are kept, and of which
    worker this is the process.
    """

    phase: Phase
    domain: str
    keep: str
    worker: str | None = None


class Desk:
    """`about` returns what the gateway does now. `others` are the other workers, if this is one. All of it runs in the
    reactor's thread but the reading of memory.
    """

    _logger = Logger()

    def __init__(
        self,
        engine: Engine,
        log: Reader,
        parts: Parts,
        about: Callable[[], About],
        reactor: Any,
        others: OtherWorkers | None = None,
    ) -> None:
        self._engine = engine
        self._log = log
        self._parts = parts
        self._tally = CallTally(engine.now)
        self._failures = Failures()
        self._about = about
        self._others = others
        self._cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))
        self._reactor = reactor
        self._announcer = Announcer(engine, reactor)
        self._version = version("fargo")
        self._started = engine.now()

    def take(self, entry: Entry) -> None:
        """Take note of an entry that is committed."""
        self._tally.take(entry)
        if forgets_user(entry[1]):
            self._failures.forget(entry[0].user)

    def ended(self, call: Record) -> None:
        """Take note of a call that has ended."""
        self._failures.take(call)

    def answer(self, question: Question) -> Deferred[Any]:
        """Answer a question. May fail with ProblemError."""
        match question:
            case AskStatus():
                return self.status()
            case RemoveUser(user):
                return Deferred.fromCoroutine(self._remove(user))
            case Announce(text, everyone):
                return maybeDeferred(self._announce, text, everyone)
            case ListUsers():
                return Deferred.fromCoroutine(self._listing()).addCallback(Listing.users)
            case ListFailures():
                known = self._failures.latest()
                return Deferred.fromCoroutine(self._listing()).addCallback(Listing.failures, known)
            case Drain(on):
                return Deferred.fromCoroutine(self._drain(on))
            case _:
                assert_never(question)

    def status(self) -> Deferred[GatewayStatus]:
        """Return how the gateway is, as soon as it is known."""
        return Deferred.fromCoroutine(self._status())

    async def _status(self) -> GatewayStatus:
        census = await self._census()
        memory = await self._parts.memory(self._reactor)
        about, now = self._about(), self._engine.now()
        return GatewayStatus(
            version=self._version,
            domain=about.domain,
            process=os.getpid(),
            phase=about.phase,
            started=instant(self._started),
            uptime=round(now - self._started, 3),
            parts=self._parts.statuses(memory),
            accounts=dict(census.accounts),
            calls=self._calls(census.calls, now),
            memory=memory["gateway"],
            log=self._log_figures(about.keep),
            relay_sessions=self._parts.relay.sessions if self._parts.relay else None,
            faults=self._engine.faults,
            draining=self._engine.draining,
            worker=about.worker,
            handed_on=await self._others.figures() if self._others else None,
        )

    async def _drain(self, on: bool) -> Draining:
        changes, self._engine.draining = on != self._engine.draining, on
        await self._engine.settled()  # what came before may have begun a call
        calls = (await self._census()).calls
        if changes:
            self._logger.info(texts.DRAINING if on else texts.NOT_DRAINING, calls=calls)
        return Draining(on, calls)

    async def _remove(self, user: str) -> UserRemoval:
        known = self._engine.state(user)
        if known is None and self._others and local_of(user) and (worker := await self._owner(self._others, user)):
            self._engine.put(user, UserRemoved())  # is handed on
            if not await self._others.settled(user):
                raise ProblemError(texts.NOT_REMOVED.format(user=user))
            return UserRemoval(True, worker)
        if known is None or not local_of(user):
            raise ProblemError(texts.NO_SUCH_USER.format(user=user))
        self._engine.put(user, UserRemoved())
        await self._engine.settled()
        if self._engine.is_failing:
            raise ProblemError(texts.NOT_REMOVED.format(user=user))
        return UserRemoval(account_state(known.account) is not None)

    async def _owner(self, others: OtherWorkers, user: str) -> str | None:
        try:
            return await others.owner(user)
        except StoreError:
            raise ProblemError(texts.NOT_REMOVED.format(user=user)) from None

    def _announce(self, text: str, everyone: bool) -> Announcement:
        if not self._parts.xmpp.is_open:
            raise ProblemError(texts.NOT_SENT)
        count = self._announcer.announce(plain(text, kept="\n"), everyone)
        return Announcement(count, (count - 1) // AT_ONCE * EVERY if count else 0)

    async def _census(self) -> Census:
        """Count all accounts and calls, some users at a time."""
        census = Census()
        users = list(filter(local_of, self._engine.users()))
        await self._cooperator.cooperate(census.steps(users, self._engine.state)).whenDone()
        return census

    async def _listing(self) -> Listing:
        """Look at all users, some at a time."""
        listing = Listing()
        users = list(filter(local_of, self._engine.users()))
        await self._cooperator.cooperate(listing.steps(users, self._engine.state)).whenDone()
        return listing

    def _log_figures(self, keep: str) -> LogFigures:
        try:
            oldest, newest = self._log.span() or (None, None)
        except StoreError:  # it is locked: what waits for it is told elsewhere
            oldest = newest = None
        return LogFigures(self._log.size(), instant(oldest), instant(newest), keep)

    def _calls(self, live: int, now: float) -> CallFigures:
        begun, failed = self._tally.begun, self._tally.failed
        return CallFigures(live, begun.within(_MINUTE, now), begun.within(_HOUR, now), failed.within(_HOUR, now))
