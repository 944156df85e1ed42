"""The matrix: each cell is a fault, a phase and a SIP engine, with what is expected and what is not so yet.

Rules:

1. `ROWS` says what is expected, as docs/reliability.md promises it.
2. `SHORTFALLS` says which checks of which cells fail for now, and why. Such a cell does not count as passed. If the
   check succeeds, the cell fails as well: then the shortfall has to leave the table. One that shows only sometimes
   stays, and its cells do not count as passed even if they succeed.
3. A cell in `NOT_RUN` is not run, for the reason given there. Nor does it count as passed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    GATEWAY = "gateway"
    EDGE = "edge"
    RAKIA = "rakia"
    BUS = "bus"
    RELAY = "relay"
    XMPP = "xmpp-server"
    SILENT = "provider-silent"
    BUSY = "provider-503"
    DISK = "disk-full"
    LOCKED_4 = "locked-4s"
    LOCKED_10 = "locked-10s"
    AHEAD = "clock-ahead"
    BEHIND = "clock-behind"
    POWER = "power-loss"


class Phase(StrEnum):
    IDLE = "idle"
    SIGNING_IN = "signing-in"
    RINGING_OUT = "ringing-out"
    RINGING_IN = "ringing-in"
    ACTIVE_OUT = "active-out"
    ACTIVE_IN = "active-in"
    HELD = "held"
    ENDING = "ending"


class Fate(StrEnum):
    """The fate of a call."""

    LIVES = "lives"
    TOLD = "told"
    """Both ends are told that it has ended."""
    EITHER = "lives or told"


class Check(StrEnum):
    """The assertion of a cell. `CALL` is the sign-in in the phase of that name, and succeeds if there is no call."""

    CALL = "call"
    NEW_OUT = "new call out"
    NEW_IN = "new call in"
    LOG = "log"
    LEFT_OVER = "left over"


@dataclass(frozen=True)
class Row:
    """The effect of a fault on calls that ring, and on those that were answered."""

    fault: Fault
    engine: str
    ringing: Fate
    answered: Fate


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix. `fate` is None in phases without a call that could live."""

    fault: Fault
    phase: Phase
    engine: str
    fate: Fate | None

    @property
    def name(self) -> str:
        return f"{self.fault}.{self.phase}.{self.engine}"


@dataclass(frozen=True)
class Shortfall:
    """Checks that fail for now, or `sometimes`. Without phases it is about all of them."""

    fault: Fault
    engine: str
    checks: tuple[Check, ...]
    reason: str
    phases: tuple[Phase, ...] = tuple(Phase)
    sometimes: bool = False

    def concerns(self, cell: Cell, check: Check) -> bool:
        of_this = (self.fault, self.engine) == (cell.fault, cell.engine)
        return of_this and check in self.checks and cell.phase in self.phases


RINGING: Final = (Phase.RINGING_OUT, Phase.RINGING_IN)
ANSWERED: Final = (Phase.ACTIVE_OUT, Phase.ACTIVE_IN, Phase.HELD)

_LIVES, _TOLD, _EITHER = Fate.LIVES, Fate.TOLD, Fate.EITHER
ROWS: Final = (
    Row(Fault.GATEWAY, "sip", _LIVES, _LIVES),
    Row(Fault.GATEWAY, "telepathy", _TOLD, _TOLD),
    Row(Fault.EDGE, "sip", _EITHER, _LIVES),
    Row(Fault.EDGE, "telepathy", _EITHER, _LIVES),
    Row(Fault.RAKIA, "telepathy", _TOLD, _TOLD),
    Row(Fault.BUS, "telepathy", _TOLD, _TOLD),
    Row(Fault.RELAY, "sip", _EITHER, _LIVES),
    Row(Fault.RELAY, "telepathy", _EITHER, _EITHER),
    Row(Fault.XMPP, "sip", _EITHER, _LIVES),
    Row(Fault.XMPP, "telepathy", _EITHER, _LIVES),
    Row(Fault.SILENT, "sip", _LIVES, _LIVES),
    Row(Fault.SILENT, "telepathy", _LIVES, _LIVES),
    Row(Fault.BUSY, "sip", _LIVES, _LIVES),
    Row(Fault.BUSY, "telepathy", _LIVES, _LIVES),
    Row(Fault.DISK, "sip", _EITHER, _EITHER),
    Row(Fault.DISK, "telepathy", _EITHER, _EITHER),
    Row(Fault.LOCKED_4, "sip", _LIVES, _LIVES),
    Row(Fault.LOCKED_4, "telepathy", _LIVES, _LIVES),
    Row(Fault.LOCKED_10, "sip", _LIVES, _LIVES),
    Row(Fault.LOCKED_10, "telepathy", _LIVES, _LIVES),
    Row(Fault.AHEAD, "sip", _LIVES, _LIVES),
    Row(Fault.AHEAD, "telepathy", _LIVES, _LIVES),
    Row(Fault.BEHIND, "sip", _LIVES, _LIVES),
    Row(Fault.BEHIND, "telepathy", _LIVES, _LIVES),
    Row(Fault.POWER, "sip", _EITHER, _LIVES),
    Row(Fault.POWER, "telepathy", _TOLD, _TOLD),
)

_CALL: Final = (Check.CALL,)
_NOT_TOLD = "The phone is not told: rakia and the edge knew the dialog, and both are gone."
_SHORTLY = "The phone is not told if rakia ends before it has sent the BYE."
_NOT_CANCELLED = (
    "The phone is not told: it takes only a CANCEL with the branch of the INVITE (RFC 3261 §9.1), which kamailio had"
    " drawn and nothing else knows. It rings for as long as it wants to."
)
SHORTFALLS: Final[tuple[Shortfall, ...]] = (
    Shortfall(Fault.EDGE, "telepathy", _CALL, _NOT_CANCELLED, (Phase.RINGING_OUT,)),
    Shortfall(Fault.POWER, "telepathy", _CALL, _NOT_TOLD, RINGING + ANSWERED),
    Shortfall(Fault.POWER, "telepathy", _CALL, _SHORTLY, (Phase.ENDING,), sometimes=True),
)

NOT_RUN: Final[Mapping[str, str]] = {}
"""The reason, by the name of the cell."""

REPRESENTATIVE: Final = (
    "gateway.held.sip",
    "rakia.idle.telepathy",
    "relay.active-in.sip",
    "provider-silent.ending.sip",
    "provider-503.signing-in.telepathy",
    "disk-full.ringing-out.sip",
    "locked-10s.ringing-in.sip",
    "power-loss.active-out.sip",
)
"""The cells that script/test runs, one in each phase. For the other faults it has tests of their own: of the edge, the
XMPP server and the clock in tests/end_to_end, of rakia's bus in tests/adapters/telepathy.
"""


def cells() -> Iterator[Cell]:
    """Yield all cells of the matrix."""
    for row in ROWS:
        for phase in Phase:
            fate = row.ringing if phase in RINGING else row.answered if phase in ANSWERED else None
            yield Cell(row.fault, phase, row.engine, fate)


def named(name: str) -> Cell:
    """Return the cell of this name. Raises KeyError if there is none."""
    return {cell.name: cell for cell in cells()}[name]


def shortfall(cell: Cell, check: Check) -> Shortfall | None:
    """Return why a check of a cell fails for now, None if it should succeed."""
    return next((each for each in SHORTFALLS if each.concerns(cell, check)), None)
