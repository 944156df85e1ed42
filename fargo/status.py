"""The state of users and calls in lines, for the operator (SIGUSR1).

Rules:

1. A line is bounded, has no control characters, and contains no password: neither does the state.
2. A call is named as in `fargo calls`, so that the log can be asked about it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, assert_never

from fargo import texts
from fargo.plain import plain
from fargo.statemachine.account import account_state
from fargo.statemachine.address import local_of
from fargo.statemachine.call import call_state
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.model.registrations import Bound, Leaving, Opening, Registration
from fargo.statemachine.user_state import User

LONGEST_LINE: Final = 400
"""Characters of a line."""
_MOST_CLIENTS: Final = 3
"""The clients that are named of those that a call rings at."""


def report(
    users: Iterable[str],
    state: Callable[[str], User | None],
    now: Callable[[], float],
    limits: Callable[[], str],
) -> Iterator[str | None]:
    """Yield the lines about the gateway, and None after each user, when others may have their turn. `users` are bare
    JIDs, `state` returns that of one, `limits` what was refused.
    """
    served, calls = list(filter(local_of, users)), 0
    yield texts.STATE_BEGINS
    for each in served:
        if user := state(each):
            calls += live_calls(user)
            yield from lines(user, now())
        yield None
    yield limits()
    yield texts.STATE_ENDS.format(calls=calls, users=len(served))


def lines(user: User, now: float) -> Iterator[str]:
    """Yield a line about the user's account, one for each registration of the gateway's own, and one for each call."""
    shown = account_state.shown(user.account)
    status = shown.status if shown else texts.NO_ACCOUNT
    yield _bounded(texts.STATE_OF_USER.format(user=user.jid, status=status, clients=len(user.contacts.clients)))
    for name, registration in user.registrations.items():
        yield _bounded(_registration(name, registration))
    for call in user.calls.values():
        yield _bounded(_call(user.jid, call, now))


def live_calls(user: User) -> int:
    """Return the number of the user's calls that are going on."""
    return sum(map(call_state.is_live, user.calls.values()))


def _registration(name: str, registration: Registration) -> str:
    phase = registration.phase
    match phase:
        case Opening():
            state = texts.REGISTRATION_OPENING
        case Bound(until=until, problem=None):
            state = texts.REGISTRATION_UNTIL.format(until=_time(until))
        case Bound(until=until, problem=problem):
            state = texts.REGISTRATION_AILING.format(until=_time(until), problem=problem)
        case Leaving():
            state = texts.REGISTRATION_LEAVING
        case _:
            assert_never(phase)
    return texts.STATE_OF_REGISTRATION.format(name=name, address=registration.own, state=state)


def _call(user: str, call: Call, now: float) -> str:
    sessions = jingle_leg.sessions(call.jingle)
    clients = [session.client for session in sessions[:_MOST_CLIENTS]]
    if len(sessions) > _MOST_CLIENTS:
        clients.append(texts.AND_OTHERS.format(count=len(sessions) - _MOST_CLIENTS))
    phone = call.caller.words if call.caller else next((session.us for session in sessions), texts.NOBODY)
    if call.transferred_to:
        phone = texts.NOW_WITH.format(first=phone, now=call.transferred_to)
    template = texts.STATE_OF_CALL_IN if call.caller else texts.STATE_OF_CALL_OUT
    return template.format(
        call=f"{user}/{call.id}",
        clients=", ".join(clients) or texts.NOBODY,
        phone=phone,
        phases=f"{_phase(call.jingle)}/{_phase(call.sip)}",
        age=_age(now - call.since),
        path=texts.THROUGH_RELAY if call.relay else texts.NOT_THROUGH_RELAY,
    )


def _phase(leg: object) -> str:
    return type(leg).__name__.lower()


def _age(seconds: float) -> str:
    minutes, rest = divmod(max(int(seconds), 0), 60)
    return f"{minutes}:{rest:02}"


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _bounded(line: str) -> str:
    printable = plain(line[: LONGEST_LINE + 1])
    return printable if len(printable) <= LONGEST_LINE else f"{printable[: LONGEST_LINE - 1]}…"
