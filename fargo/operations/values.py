"""The state of a running gateway, as `fargo status --json` prints it. docs/operations.md describes the fields.

Times are text in UTC, as in the log; durations are in seconds, sizes in bytes.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

Phase: TypeAlias = Literal["starting", "serving", "stopping"]


class PartStatus(Struct, frozen=True):
    """A part that the gateway needs. ``problem``: what is wrong with it, as a sentence, None if nothing is.
    ``memory``: of its processes, None if it has none of its own or they are not known. ``restarts``: how often it has
    ended by itself since the gateway was started, None if it is not the gateway that starts it.
    """

    problem: str | None = None
    memory: int | None = None
    restarts: int | None = None


class CallFigures(Struct, frozen=True):
    """Calls: how many there are now; how many began about in the last minute and hour, and how many failed of those
    that ended in the last hour.
    """

    now: int
    begun_in_minute: int
    begun_in_hour: int
    failed_in_hour: int


class LogFigures(Struct, frozen=True):
    """The log: its size, the time of its first and last event, and how long calls stay (`log.keep`)."""

    size: int
    oldest: str | None
    newest: str | None
    keep: str


class WaitingThings(Struct, frozen=True):
    """Things handed on to a worker that wait: how much, and for how many seconds the first of it has been waiting."""

    count: int
    oldest: float


class HandedOnFigures(Struct, frozen=True):
    """Things handed on between workers: how much this one has ``given`` to others and ``taken`` from them since the
    start, and what is ``waiting`` now for each worker for which anything is, None if that is not known now.
    """

    given: int
    taken: int
    waiting: Mapping[str, WaitingThings] | None


class GatewayStatus(Struct, frozen=True):
    """The gateway. ``parts``: by name. ``accounts``: the number of registered accounts by state. ``memory``: that
    of the gateway's own process, None if not known. ``relay_sessions``: those of the media relay, None if there is none
    or it does not tell. ``faults``: bugs that have cost a call or an event. ``draining``: no new calls are taken, as
    the operator waits for the end of those that go on. ``worker``: its name, and ``handed_on`` what came to the wrong
    worker, None if the gateway is one process.
    """

    version: str
    domain: str
    process: int
    phase: Phase
    started: str
    uptime: float
    parts: Mapping[str, PartStatus]
    accounts: Mapping[str, int]
    calls: CallFigures
    memory: int | None
    log: LogFigures
    relay_sessions: int | None
    faults: int
    draining: bool = False
    worker: str | None = None
    handed_on: HandedOnFigures | None = None

    @property
    def problems(self) -> list[str]:
        """Return what is wrong, in sentences."""
        return [part.problem for part in self.parts.values() if part.problem]

    @property
    def is_well(self) -> bool:
        """Return True if users can register and call, and nothing is wrong."""
        return self.phase == "serving" and not self.problems


class Following(Struct, frozen=True):
    """The progress of a process that waits, in following the log: the number of users that it knows, the position up to
    which it has read, and how many seconds ago that was the end of the log; None if it has not been there yet.
    ``problem``: why the log cannot be read now, a sentence, None if it can.
    """

    users: int
    position: int
    read_ago: float | None
    problem: str | None = None


class WaitingStatus(Struct, frozen=True):
    """A process that waits until it is its turn to be a ``worker``. ``why``: what it waits for, a sentence.
    ``holder``: the process that is the worker, in words, None if nobody is known to be; ``held_since``: since when it
    is connected to the database, None if not known.
    """

    version: str
    domain: str
    process: int
    worker: str
    started: str
    uptime: float
    why: str
    following: Following
    holder: str | None = None
    held_since: str | None = None
    phase: Literal["waiting"] = "waiting"


class Draining(Struct, frozen=True):
    """The state of a drain: it is on or off, and so many calls go on."""

    draining: bool
    calls: int


class UserRemoval(Struct, frozen=True):
    """A user was removed. ``registered``: there was an account. ``worker``: the other worker that has the user, and is
    told to do so, with the account if there is one; None if it is done.
    """

    registered: bool
    worker: str | None = None


class Announcement(Struct, frozen=True):
    """To how many users something is said, and in how many seconds about the last of them is told."""

    users: int
    seconds: float


class ListedUser(Struct, frozen=True):
    """A registered user (bare JID): the SIP address, the state of the account, and the number of calls now."""

    user: str
    account: str
    state: str
    calls: int


class UserList(Struct, frozen=True):
    """The first registered users in alphabetical order, and the number of all."""

    users: tuple[ListedUser, ...]
    count: int


class FailedCall(Struct, frozen=True):
    """A call of a user (bare JID) that has failed: when, in which direction, with whom ("" if not known), and why."""

    user: str
    at: str
    direction: str
    peer: str
    why: str


class FailureList(Struct, frozen=True):
    """The latest calls that have failed, the last one first."""

    calls: tuple[FailedCall, ...]
