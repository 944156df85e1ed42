"""Entries that the tests of stores write and expect back."""

from fargo.statemachine.model.call_records import Direction, RecordBegun
from fargo.statemachine.model.commands import Forget, ForgetSecret, Issued, SignOut
from fargo.statemachine.model.events import Recorded, Restarted, SipSignedIn, Stopping
from fargo.store.entries import Entry

ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"


def begins(user: str, version: int, at: float) -> Entry:
    """An event with which a call begins."""
    call = str(version)
    record = RecordBegun(call, Direction.IN, "x@example.net")
    return Recorded(user, version, at, Restarted(), call), (Issued(user, f"{version}.0", record, call),)


def forgets(user: str, version: int, at: float) -> Entry:
    """An event with which a user is forgotten."""
    return Recorded(user, version, at, Stopping()), (Issued(user, f"{version}.0", Forget()),)


BATCH: tuple[Entry, ...] = (
    (Recorded(ALICE, 1, 5.25, Restarted(), rules=1), ()),
    (
        Recorded(BOB, 1, 5.5, SipSignedIn("4.1")),
        (Issued(BOB, "1.1", SignOut("4.1")), Issued(BOB, "1.2", ForgetSecret("x"))),
    ),
    begins(ALICE, 2, 6.0),
    (Recorded(ALICE, 3, 1e9 + 1 / 3, Stopping()), (Issued(ALICE, "3.1", SignOut("é\n'"), "2"),)),
    begins(BOB, 2, 1e9 + 1),
)
