"""The listed changes of registrations and logins."""

from collections import Counter
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.model.commands import Command, Issued, RefuseIq, SendPresence, SendText, SignIn
from fargo.statemachine.model.events import RegistrationSubmitted, TimePassed
from fargo.statemachine.model.presence import SigningIn, Waiting
from fargo.statemachine.model.registrations import Bound, Leaving, Opening
from fargo.statemachine.model.sip_messages import (
    RegisterAnswered,
    RegisterUndelivered,
    SendRegister,
    SendRequest,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.self_service import texts
from fargo.statemachine.user_state import User
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import only_today, requests, without_credentials, without_texts

_NOTICES: Final = tuple(each.partition("{")[0] for each in (texts.REFUSED, texts.LASTING, texts.WELL_AGAIN))
_CHALLENGING: Final = frozenset({401, 407})


def _each_realm(difference: Difference) -> bool:
    """A server asks for a login. Today another realm is answered, too, or another challenge of the same; or a registrar
    gets no third answer. Or a request that was changed counts the use of its nonces.
    """
    event, then, now = difference.recorded.event, requests(difference.then), requests(difference.now)
    if not isinstance(event, RegisterAnswered | SipResponseReceived):
        return False
    if then and without_credentials(difference.then) == without_credentials(difference.now):
        return True
    if not then:
        return any(len(each.credentials) > 1 for each in now)
    third = isinstance(event, RegisterAnswered) and not now
    return third and any(answer.challenge.stale for each in then for answer in each.credentials)


def _own_server_only(difference: Difference) -> bool:
    """A challenge was answered that is not answered today. Or an ACK had the credentials of its INVITE."""
    if not isinstance(difference.recorded.event, SipResponseReceived):
        return False
    then, now = requests(difference.then), requests(difference.now)
    if difference.recorded.event.status in _CHALLENGING:
        return bool(then) and not now
    given = all(each.method == "ACK" for each in then if isinstance(each, SendRequest))
    return given and not now and without_credentials(difference.then) == without_credentials(difference.now)


def _password_again(difference: Difference) -> bool:
    """An account that was changed without its password was tried. Today it is refused."""
    event, now = difference.recorded.event, [each.command for each in difference.now]
    if not isinstance(event, RegistrationSubmitted) or event.secret is not None:
        return False
    return len(now) == 1 and isinstance(now[0], RefuseIq) and now[0].iq == event.iq


def _refused_as_silent(difference: Difference) -> bool:
    """A registrar refuses connections, and only texts for people differ."""
    match difference.recorded.event:
        case RegisterUndelivered(why=Undelivered.REFUSED) | RegisterAnswered(status=477, by_edge=True):
            pass
        case _:
            return False
    return without_texts(difference.then) == without_texts(difference.now)


def _tried_sooner(difference: Difference) -> bool:
    """An attempt to register that follows a failure was due before that of the older rules. Or the user was shown it,
    as signing in.
    """
    then, now = (Counter(map(_without_status, issued)) for issued in (difference.then, difference.now))
    if not all(_shows_attempt(command) for command, _ in then - now):
        return False
    if not now - then:
        return _is_retried(None, difference.before)
    due = isinstance(difference.recorded.event, TimePassed)
    return due and all(_follows_failure(command, difference.before) for command, _ in now - then)


def _without_status(issued: Issued) -> tuple[Command, str | None]:
    command = issued.command
    shows = isinstance(command, SendPresence | RecordAccount)
    return replace(command, status=None) if shows else command, issued.call


def _shows_attempt(command: Command) -> bool:
    match command:
        case SendPresence(show=show):
            return show == "xa"
        case RecordAccount(signed_in=signed_in):
            return not signed_in
        case _:
            return False


def _follows_failure(command: Command, user: User) -> bool:
    match command:
        case SignIn():
            return _is_retried(None, user)
        case SendRegister(connection=connection):
            return _is_retried(connection, user)
        case _:
            return False


def _is_retried(connection: str | None, user: User) -> bool:
    """Return True if the latest attempt to register over this connection, or anew, has failed."""
    if connection is None:
        failed = user.account.connection if isinstance(user.account, Registered) else None
        return isinstance(failed, Waiting | SigningIn)
    match user.registrations[connection].phase:
        case Bound(failures=failures, closures=closures):
            return failures > 0 or closures > 0
        case Leaving(failures=failures):
            return failures > 0
        case Opening():
            return False


def _speaks_up(difference: Difference) -> bool:
    """All that is new is that the user is told of a trouble of the account, or of its end."""
    added = only_today(difference.then, difference.now)
    return bool(added) and all(_is_notice(each.command, difference.recorded.user) for each in added or ())


def _is_notice(command: Command, user: str) -> bool:
    return isinstance(command, SendText) and command.to == user and command.text.startswith(_NOTICES)


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.EACH_REALM.name: _each_realm,
    rules.OWN_SERVER_ONLY.name: _own_server_only,
    rules.PASSWORD_AGAIN.name: _password_again,
    rules.REFUSED_AS_SILENT.name: _refused_as_silent,
    rules.TRIED_SOONER.name: _tried_sooner,
    rules.SPEAKS_UP.name: _speaks_up,
}
