"""Accounts while the SIP host cannot be started."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from fargo.adapters.telepathy.accounts import Accounts
from fargo.adapters.telepathy.pool import Limits, Pool
from fargo.processes import ProcessError
from fargo.statemachine.model.commands import SignIn
from fargo.statemachine.model.events import Event, SipAccount, SipSignedOut, SipTrouble

USER = "romeo@example.org"


class FakeHost:
    name = "rakia"

    def __init__(self, broken: bool) -> None:
        self._broken = broken

    def start(self) -> Deferred[None]:
        return fail(ProcessError("There is no rakia here.")) if self._broken else succeed(None)

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def memory_kib(self) -> int:
        return 0


def test_an_account_that_signs_out_meanwhile_waits_no_longer() -> None:
    """Its password is not read when the host is back, and nothing of it is kept until then."""
    clock, told, revealed, broken = Clock(), list[tuple[str, Event]](), list[str](), [True]
    pool = Pool(lambda number, died: FakeHost(broken[0]), lambda place: None, Limits(), clock)
    pool.start()

    def reveal(secret: str) -> None:
        revealed.append(secret)

    accounts = Accounts(
        lambda user, event: told.append((user, event)),
        reveal,
        lambda account, rakia: {},
        pool,  # type: ignore[arg-type]
        lambda registration, connection_lives: None,
        clock,
    )
    empty = accounts.when_empty()
    assert empty.called
    accounts.sign_in(USER, "1.0", SignIn(SipAccount("sip:romeo@example.net"), "its-secret"))
    accounts.sign_in(USER, "2.0", SignIn(SipAccount("sip:montague@example.net"), "another-secret"))
    empty = accounts.when_empty()
    accounts.sign_out(USER, "1.0")
    assert told == [(USER, SipSignedOut("1.0", SipTrouble.ASKED))]
    assert (accounts.count, empty.called) == (1, False)
    broken[0] = False
    clock.advance(0)
    assert revealed == ["another-secret"]
    assert (accounts.count, empty.called) == (0, True)  # an account without a password is refused
