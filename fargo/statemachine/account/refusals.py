"""The meanings of a registrar's refusals, and of its silence, for an account of our own user agent.

Rules:

1. The registrar's own words are told to the user, with the status.
2. What only the user or the provider can mend is not tried again by itself (`SipTrouble.CREDENTIALS`, `INVALID` and
   `SECRET`): registrars lock accounts that are tried too often. Everything else is.
3. Retry-After is obeyed (RFC 3261 §20.33), up to a bound.
4. A server that refuses connections is told of as one that is silent: else a registration would tell everybody which
   ports of a server are open.
5. A redirection is not followed, as the credentials are for the account's own server.
"""

from typing import Final, assert_never

from msgspec import Struct

from fargo.statemachine.account import digest, texts
from fargo.statemachine.model.events import SipTrouble
from fargo.statemachine.model.registrations import Registration
from fargo.statemachine.model.sip_messages import RegisterAnswered, Undelivered
from fargo.statemachine.quoting import quotable

_LOGIN: Final = frozenset({401, 407})
_FINAL: Final = frozenset({402, 403, 404, 410, 416})
"""Payment Required, Forbidden, Not Found, Gone, Unsupported URI Scheme (RFC 3261 §21.4); all of 6xx come to it."""
_OF_EDGE: Final = {408: Undelivered.SILENT, 477: Undelivered.REFUSED, 500: Undelivered.UNSENDABLE}
_UNDELIVERED: Final = {
    Undelivered.NO_SUCH_NAME: (SipTrouble.NETWORK, texts.NO_SUCH_SERVER),
    Undelivered.NAMES_SILENT: (SipTrouble.NETWORK, texts.NAMES_SILENT),
    Undelivered.SILENT: (SipTrouble.NETWORK, texts.SERVER_SILENT),
    Undelivered.REFUSED: (SipTrouble.NETWORK, texts.SERVER_SILENT),
    Undelivered.CERTIFICATE: (SipTrouble.NETWORK, texts.CERTIFICATE_INVALID),
    Undelivered.SECRET: (SipTrouble.SECRET, texts.PASSWORD_LOST),
    Undelivered.EDGE: (SipTrouble.HOST, texts.ENGINE_FAILED),
    Undelivered.UNSENDABLE: (SipTrouble.INVALID, texts.UNUSABLE),
}
_LONGEST_WAIT: Final = 3600.0  # seconds


class RegisterFailure(Struct, frozen=True, gc=False):
    """A REGISTER has failed. ``words``: why, as a sentence. ``wait``: the seconds that the registrar wants to have."""

    trouble: SipTrouble
    words: str
    wait: float = 0.0


def refused(registration: Registration, event: RegisterAnswered) -> RegisterFailure:
    """Return what a final response other than 2xx means. A challenge in it is not answered, or not again."""
    if event.by_edge:
        return undelivered(registration, _OF_EDGE.get(event.status, Undelivered.EDGE), event.phrase)
    trouble, template = _meaning(event)
    words = template.format(server=registration.own.domain, uri=registration.own, said=_said(event))
    asked = event.headers.retry_after
    if trouble is not SipTrouble.NETWORK or not asked:
        return RegisterFailure(trouble, words)
    return RegisterFailure(
        trouble, texts.ASKS_TO_WAIT.format(problem=words, seconds=asked), min(float(asked), _LONGEST_WAIT)
    )


def _meaning(event: RegisterAnswered) -> tuple[SipTrouble, str]:
    status = event.status
    if status in _LOGIN and digest.are_unusable(event.challenges):
        return SipTrouble.CREDENTIALS, texts.LOGIN_UNSUPPORTED
    if status in _LOGIN:
        return SipTrouble.CREDENTIALS, texts.LOGIN_REFUSED
    if status in _FINAL or status >= 600:
        return SipTrouble.CREDENTIALS, texts.REGISTRAR_REFUSES
    return SipTrouble.NETWORK, texts.REDIRECTED if status < 400 else texts.REGISTRAR_FAILS


def _said(event: RegisterAnswered) -> str:
    """Return the registrar's words: the reason phrase, its warnings (RFC 3261 §20.43), and the status."""
    parts = (event.phrase, *(warning.text for warning in event.headers.warning))
    words = ", ".join(filter(None, map(_quotable, parts)))
    template = texts.SAID if words else texts.SAID_NOTHING
    return template.format(words=words, status=event.status)


def _quotable(text: str) -> str:
    return quotable(text.strip().rstrip("."))


def not_kept(registration: Registration) -> RegisterFailure:
    """Return what it means that the registrar accepts the account for no time at all."""
    words = texts.NOT_KEPT.format(server=registration.own.domain, uri=registration.own)
    return RegisterFailure(SipTrouble.NETWORK, words)


def undelivered(registration: Registration, why: Undelivered, details: str | None = None) -> RegisterFailure:
    """Return what it means that a REGISTER has no response."""
    said = _quotable(details or "") or texts.NO_DETAILS
    trouble, template = _UNDELIVERED[why]
    return RegisterFailure(trouble, template.format(server=registration.hop.host, uri=registration.own, why=said))


def is_lasting(trouble: SipTrouble) -> bool:
    """Return True if another attempt is of no use as long as the user has not changed anything (rule 2)."""
    match trouble:
        case SipTrouble.CREDENTIALS | SipTrouble.SECRET | SipTrouble.INVALID:
            return True
        case SipTrouble.NETWORK | SipTrouble.IN_USE | SipTrouble.HOST | SipTrouble.ASKED:
            return False
        case _:
            assert_never(trouble)
