"""The answers to admins who ask in a chat with the gateway, or by ad-hoc commands: those of the desk, in words. The
XMPP adapter puts them into the admin's language.

Who has asked for what is told to the operator, but for questions that change nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.control.questions import Announce, Drain, Question, RemoveUser
from fargo.control.server import ProblemError
from fargo.operations import texts
from fargo.operations.values import Announcement, Draining, FailedCall, FailureList, ListedUser, UserList, UserRemoval
from fargo.plain import plain
from fargo.statemachine.model.call_records import Direction

_log = Logger()


def administer(
    ask: Callable[[Question], Deferred[Any]],
    admin: str,
    question: Question,
    worker: str | None = None,
    workers: Sequence[str] = (),
) -> Deferred[str]:
    """Ask for an admin (bare JID). The Deferred fires with the answer in words, and does not fail. ``worker``: the one
    that answers, if the gateway is several, of which these are all.
    """
    match question:
        case RemoveUser(user):
            _log.info(texts.ADMIN_REMOVES, admin=admin, user=plain(user))
        case Announce():
            _log.info(texts.ADMIN_ANNOUNCES, admin=admin)
        case Drain(on):
            _log.info(texts.ADMIN_DRAINS if on else texts.ADMIN_ENDS_DRAIN, admin=admin)
        case _:
            pass
    answered: Deferred[str] = ask(question).addCallback(_words)
    others = ", ".join(each for each in workers if each != worker)
    if worker and others and not isinstance(question, RemoveUser):
        answered.addCallback(lambda told: f"{told}\n{texts.OF_ONE_WORKER.format(worker=worker, others=others)}")
    return answered.addErrback(_problem)


def _words(answer: object) -> str:
    match answer:
        case UserList(users, count):
            lines = [_user(each) for each in users]
            left = count - len(users)
            return "\n".join([*lines, *([texts.MORE_USERS.format(count=left)] if left else [])]) or texts.NO_USERS
        case FailureList(calls):
            return "\n".join(map(_failure, calls)) or texts.NO_FAILURES
        case UserRemoval(worker=str(worker)):
            return texts.REMOVED_ELSEWHERE.format(worker=worker)
        case UserRemoval(registered):
            return texts.REMOVED if registered else texts.REMOVED_UNREGISTERED
        case Announcement(users=count):
            return texts.ANNOUNCED.format(count=count)
        case Draining(draining, calls):
            return (texts.DRAINED if draining else texts.NOT_DRAINED).format(calls=calls)
        case _:
            raise TypeError("there are no words for this answer")


def _user(listed: ListedUser) -> str:
    return texts.USER.format(
        user=listed.user, account=listed.account, state=texts.STATES[listed.state], calls=listed.calls
    )


def _failure(call: FailedCall) -> str:
    text = texts.FAILED_OUT if call.direction == Direction.OUT else texts.FAILED_IN
    peer = call.peer or texts.NOBODY_KNOWN
    return text.format(at=call.at, user=call.user, peer=peer, why=call.why).rstrip()


def _problem(failure: Failure) -> str:
    if failure.check(ProblemError):
        return str(failure.value)
    _log.failure(texts.ADMIN_BUG, failure)
    return texts.NO_ANSWER
