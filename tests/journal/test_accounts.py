"""The journal tells of an account once for each trouble, and once for each recovery."""

from fargo.journal.accounts import AccountLine, AccountTroubles
from fargo.statemachine.account.account_state import Account, Credentials, Registered, Trying, Unregistered
from fargo.statemachine.address import SipUri
from fargo.statemachine.model.commands import Issued, RefuseIq
from fargo.statemachine.model.events import Recorded, RegistrationSubmitted, SipAccount, TimePassed
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.presence import (
    Connection,
    SignedIn,
    SignedOut,
    SigningIn,
    SigningOut,
    SignInRefused,
    Waiting,
)
from fargo.store.entries import Entry

ALICE = "alice@example.org"
IQ = Iq(f"{ALICE}/desk", "sip.example.org", "r1")
CREDENTIALS = Credentials(
    *(SipAccount("alice@example.net"), SipUri("alice", "example.net"), "kept", "nonce", "sip.example.org")
)
IN, OUT, SIGNING_IN = SignedIn("1.0"), SignedOut(), SigningIn("1.0", 0.0, 0)
AWAY, REFUSED = "The server is not responding.", "The server refused the password."
SUBMITTED = RegistrationSubmitted(IQ, SipAccount("alice:pass word@"), "kept", "nonce")


def registered(connection: Connection) -> Registered:
    return Registered(CREDENTIALS, connection)


def lines(*accounts: Account | Connection) -> list[AccountLine]:
    """Return what is told while the account has these states, one after the other."""
    troubles = AccountTroubles()
    states = [registered(each) if isinstance(each, Connection) else each for each in accounts]
    told = [troubles.take(ALICE, [], each) for each in states]
    return [each for each in told if each]


def kinds(*accounts: Account | Connection) -> list[str | None]:
    return [each.fields["state"] for each in lines(*accounts)]


def retrying(problem: str = AWAY) -> tuple[Connection, ...]:
    return Waiting(5.0, 1, problem), SigningIn("2.0", 5.0, 1, problem)


def test_a_trouble_is_told_once_however_long_it_lasts() -> None:
    assert kinds(IN, *retrying(), *retrying(), *retrying("Another problem."), IN) == ["trouble", "recovered"]


def test_the_next_one_is_told_again() -> None:
    assert kinds(IN, *retrying(), IN, *retrying(), IN) == ["trouble", "recovered"] * 2


def test_that_it_is_not_tried_any_more_is_told() -> None:
    [first, second] = lines(IN, *retrying(), SignInRefused(REFUSED), SignInRefused(REFUSED))
    assert first.text == f"{ALICE} is not signed in as alice@example.net, and it is tried again: {AWAY}"
    assert second.text == f"{ALICE} is not signed in as alice@example.net, and it is not tried again: {REFUSED}"
    assert second.fields == {
        "user": ALICE,
        "account": "alice@example.net",
        "state": "trouble",
        "reason": REFUSED,
    }


def test_a_client_that_comes_and_goes_is_no_trouble_and_ends_none() -> None:
    assert kinds(IN, SigningOut("1.0", 0.0), OUT, SIGNING_IN, IN) == []
    assert kinds(IN, *retrying(), OUT, SIGNING_IN, *retrying(), OUT, SIGNING_IN, IN) == ["trouble", "recovered"]


def test_an_account_that_is_given_up_leaves_nothing() -> None:
    assert kinds(IN, *retrying(), Unregistered(5.0), *retrying()) == ["trouble", "trouble"]


def trying() -> Trying:
    return Trying(IQ, CREDENTIALS, None, "1.0", 0.0)


def test_a_registration() -> None:
    assert kinds(trying(), IN) == ["registered"]
    assert kinds(*retrying(), trying(), IN, *retrying()) == ["trouble", "registered", "trouble"]


def entry(version: int, refused: bool, submitted: bool = False) -> Entry:
    refusal = RefuseIq(IQ, "modify", "not-acceptable", f"{REFUSED}\nDelete your message.")
    issued = (Issued(ALICE, f"{version}.0", refusal),) if refused else ()
    return Recorded(ALICE, version, 0.0, SUBMITTED if submitted else TimePassed()), issued


def test_a_registration_that_is_refused_later_in_a_batch() -> None:
    troubles = AccountTroubles()
    assert troubles.take(ALICE, [entry(1, False, True)], trying()) is None
    told = troubles.take(ALICE, [entry(2, False), entry(3, True)], Unregistered())
    assert told
    assert told.text == f"{ALICE} could not register the account alice@example.net: {REFUSED}"


def test_what_was_typed_wrongly_is_not_repeated() -> None:
    """It may be a password."""
    told = AccountTroubles().take(ALICE, [entry(1, True, True)], Unregistered())
    assert told
    assert told.text == f"{ALICE} could not register an account: {REFUSED}"
    assert told.fields["account"] is None


def test_another_iq_that_is_refused_is_no_registration() -> None:
    assert AccountTroubles().take(ALICE, [entry(1, True)], Unregistered()) is None
