"""The deadlines of a user: with words for people, or only the earliest time.

Rule: both are made of the same parts. The engine asks for the earliest time after each batch, so nothing is put into
words for it.
"""

from fargo.statemachine import awaited, gateway, replies
from fargo.statemachine.account import connection, roster, sign_in
from fargo.statemachine.call import call_state
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.self_service import notices, prompting, voicemail
from fargo.statemachine.user_state import User


def deadlines(user: User) -> tuple[Deadline, ...]:
    """Return everything that is due at some time, unless the state changes before."""
    of_calls = (call_state.in_words(call, due) for call in user.calls.values() for due in call_state.deadlines(call))
    return (*_of_user(user), *of_calls, *replies.deadlines(user))


def next_due(user: User) -> float | None:
    """Return the time of the earliest of the deadlines (seconds since 1970), None if there is none."""
    times = [due.at for due in _of_user(user)]
    for call in user.calls.values():
        times += [due.at for due in call_state.deadlines(call)]
    times += [each.until for each in user.pending.values() if each.until is not None]
    return min(times, default=None)


def _of_user(user: User) -> list[Deadline]:
    found = [
        connection.deadline(user.account),
        gateway.erasure(user),
        prompting.deadline(user),
        notices.deadline(user),
        voicemail.deadline(user),
        *sign_in.deadlines(user.registrations),
        *roster.deadlines(user.contacts),
        *awaited.deadlines(user),
    ]
    return [each for each in found if each is not None]
