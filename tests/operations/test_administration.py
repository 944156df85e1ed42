"""The answers to admins, in words."""

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs

from fargo.adapters.xmpp import messages
from fargo.adapters.xmpp.readers import Readers
from fargo.calls import CallName, Record
from fargo.control.questions import Announce, AskStatus, Drain, ListFailures, ListUsers, Question, RemoveUser
from fargo.control.server import ProblemError
from fargo.operations import texts
from fargo.operations.administration import administer
from fargo.operations.census import STATES
from fargo.operations.failures import MOST, Failures
from fargo.operations.listing import MOST_USERS, Listing
from fargo.operations.values import Announcement, Draining, FailedCall, FailureList, ListedUser, UserList, UserRemoval
from fargo.statemachine.account.account_state import Credentials, Registered
from fargo.statemachine.address import SipUri, parse_account
from fargo.statemachine.machine import new
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.events import SipAccount
from fargo.statemachine.model.presence import SignedIn
from fargo.statemachine.model.requests import RecentCall
from fargo.statemachine.reason import Cause
from fargo.statemachine.user_state import User

ADMIN = "root@example.org"


def answer(question: Question, value: Deferred[object]) -> str:
    said: list[str] = []
    administer(lambda asked: value if asked is question else succeed(None), ADMIN, question).addCallback(said.append)
    return said[0]


@pytest.mark.parametrize(
    ("question", "value", "words"),
    [
        (ListUsers(), UserList((), 0), texts.NO_USERS),
        (
            ListUsers(),
            UserList((ListedUser("a@b", "sip:a@sip.test", "signed-in", 2),), 3),
            "a@b: sip:a@sip.test, signed in, calls now: 2\nAnd 2 more: fargo accounts lists them.",
        ),
        (ListFailures(), FailureList(()), texts.NO_FAILURES),
        (
            ListFailures(),
            FailureList((FailedCall("a@b", "2026-11-30 00:00:00Z", "out", "sip:c@sip.test", "No answer."),)),
            "2026-11-30 00:00:00Z: a@b called sip:c@sip.test. No answer.",
        ),
        (
            ListFailures(),
            FailureList((FailedCall("a@b", "2026-11-30 00:00:00Z", "in", "", ""),)),
            "2026-11-30 00:00:00Z: ? called a@b.",
        ),
        (RemoveUser("a@b"), UserRemoval(True), texts.REMOVED),
        (RemoveUser("a@b"), UserRemoval(False), texts.REMOVED_UNREGISTERED),
        (RemoveUser("a@b"), UserRemoval(True, "b"), texts.REMOVED_ELSEWHERE.format(worker="b")),
        (Announce("Soon."), Announcement(7, 0.0), "Users who are told: 7."),
        (Drain(), Draining(True, 2), "No new calls begin. Calls that go on: 2."),
        (Drain(False), Draining(False, 2), "Calls can begin. Calls that go on: 2."),
    ],
)
def test_answers(question: Question, value: object, words: str) -> None:
    assert answer(question, succeed(value)) == words


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (ListUsers(), f"{texts.NO_USERS}\nThis is so of the users of worker a. Other workers: b, c."),
        (RemoveUser("a@b"), texts.REMOVED),
    ],
)
def test_a_worker_says_that_there_are_others(question: Question, told: str) -> None:
    value = UserList((), 0) if isinstance(question, ListUsers) else UserRemoval(True)
    said: list[str] = []
    for worker, workers in (("a", ("a", "b", "c")), ("a", ("a",)), (None, ())):
        administer(lambda _: succeed(value), ADMIN, question, worker, workers).addCallback(said.append)
    alone = told.partition("\n")[0]
    assert said == [told, alone, alone]


def test_who_changes_something_is_told_to_the_operator() -> None:
    changes, looks = (RemoveUser("a@b"), Announce("Soon."), Drain()), (ListUsers(), AskStatus())
    for question, count in (*((each, 1) for each in changes), *((each, 0) for each in looks)):
        with capturedLogs() as said:
            answer(question, succeed(FailureList(())))
        assert [each["admin"] for each in said] == [ADMIN] * count


def test_what_cannot_be_done_is_said_and_a_bug_survived() -> None:
    assert answer(ListUsers(), fail(ProblemError("Not now."))) == "Not now."
    with capturedLogs() as said:
        assert answer(ListUsers(), fail(ZeroDivisionError())) == texts.NO_ANSWER
    assert len(said) == 1


def user(number: int, *calls: RecentCall) -> User:
    uri = parse_account("a@sip.test")
    assert isinstance(uri, SipUri)
    account = Credentials(SipAccount("a@sip.test"), uri, "s", "n", "sip.localhost")
    made = new(f"u{number:03}@b")
    return User(made.jid, account=Registered(account, SignedIn("1.0")), recent=calls)


def test_users_and_failures_are_listed_up_to_a_limit() -> None:
    went = RecentCall("1", 0, Direction.IN, "sip:c@sip.test", ended=9, cause=Cause.HUNG_UP)
    users = {
        each.jid: each
        for number in range(MOST_USERS + 1)
        for each in [user(number, went, RecentCall("2", 0, Direction.OUT, ended=number, cause=Cause.NETWORK, text="!"))]
    }
    listing = Listing()
    for _ in listing.steps([*users, "gone@b"], users.get):
        pass
    found = listing.users()
    assert (found.count, len(found.users)) == (MOST_USERS + 1, MOST_USERS)
    assert found.users[0] == ListedUser("u000@b", "sip:a@sip.test", "signed-in", 0)
    failures = listing.failures(()).calls
    assert len(failures) == MOST
    assert failures[0] == FailedCall(f"u{MOST_USERS}@b", "1970-01-01 00:01:40Z", "out", "", "!")


def test_who_has_no_account_is_not_listed() -> None:
    listing = Listing()
    for _ in listing.steps(["a@b"], {"a@b": new("a@b")}.get):
        pass
    assert (listing.users(), listing.failures(())) == (UserList((), 0), FailureList(()))


def failed(number: int, user: str = "u000@b", cause: Cause = Cause.NETWORK) -> Record:
    call = Record(CallName(user, str(number)), "in", f"sip:{number}@sip.test", "", "", began=0.0)
    return replace(call, ended=float(number), cause=cause.value, reason="It burns.")


def test_all_failures_of_this_run_are_known_also_of_one_user() -> None:
    failures = Failures()
    for number in range(MOST + 5):
        failures.take(failed(number))
    failures.take(failed(99, cause=Cause.BUSY))
    earlier = RecentCall("1", 0, Direction.IN, ended=2, cause=Cause.NETWORK, text="!")
    both = RecentCall(f"{MOST}", 0, Direction.IN, ended=MOST, cause=Cause.NETWORK, text="!")
    listing = Listing()
    for _ in listing.steps(["u000@b"], {"u000@b": user(0, both, earlier)}.get):
        pass
    told = [int(each.peer[4:].partition("@")[0]) for each in listing.failures(failures.latest()).calls]
    assert told == list(range(5, MOST + 5))[::-1]
    assert listing.failures(()).calls[-1].at == "1970-01-01 00:00:02Z"


def test_who_is_gone_is_not_told_of() -> None:
    failures = Failures()
    for name in ("u000@b", "u001@b"):
        failures.take(failed(1, name))
    listing = Listing()
    for _ in listing.steps(["u000@b"], {"u000@b": user(0)}.get):
        pass
    assert [each.user for each in listing.failures(failures.latest()).calls] == ["u000@b"]
    failures.forget("u000@b")
    assert [each.name.user for each in failures.latest()] == ["u001@b"]


def test_an_admin_is_answered_in_their_language() -> None:
    readers = Readers()
    readers.default = "de"
    text = answer(ListUsers(), succeed(UserList((ListedUser("a@b", "sip:a@sip.test", "signed-in", 2),), 1)))
    stanza = messages.stanza(SendText("sip.localhost", ADMIN, text), "1")
    readers.translate(stanza)
    assert str(stanza.body) == "a@b: sip:a@sip.test, angemeldet, laufende Gespräche: 2"


def test_each_state_of_an_account_has_words() -> None:
    assert set(texts.STATES) == set(STATES)
