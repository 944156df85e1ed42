"""Questions of admins, in a chat with the gateway, or by ad-hoc commands: as the questions of the control socket.

Rules:

1. These are about other users, so no user's state answers them, but the daemon (`fargo.operations.administration`).
   They are in no user's log; what they lead to is, as with the operator's commands.
2. In a chat, they begin with “admin”. Who is no admin gets the answer to what is not understood.
3. A removal has to be confirmed.
"""

from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from typing import Final, NamedTuple, TypeAlias

from msgspec import ValidationError, convert, to_builtins
from twisted.internet.defer import Deferred
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import messages, texts
from fargo.adapters.xmpp.stanza import MalformedError, attribute, sender_of
from fargo.control.questions import LONGEST_TEXT, Announce, Drain, ListFailures, ListUsers, Question, RemoveUser
from fargo.statemachine.address import bare
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.requests import CommandForm, FormField

Administer: TypeAlias = Callable[[str, Question], Deferred[str]]
"""administer(bare JID of the admin, question) fires with the answer in words, and does not fail"""

_TEXT: Final = "text"
_EVERYONE: Final = "everyone"
_USER: Final = "user"
_SURE: Final = "sure"
_DRAIN: Final = "drain"
_ALL: Final = "all:"
_NONCE_BYTES: Final = 6


class AdminCommand(NamedTuple):
    """An ad-hoc command for admins: its name for people, and what it asks, or the form that it has and what the values
    of that ask, None if nothing.
    """

    name: str
    asks: Question | CommandForm
    filled: Callable[[Mapping[str, str]], Question | None] = lambda _: None


def _announce(values: Mapping[str, str]) -> Question | None:
    return _checked(Announce(values.get(_TEXT, "").strip(), values.get(_EVERYONE) in ("1", "true")))


def _remove(values: Mapping[str, str]) -> Question | None:
    user = values.get(_USER, "").strip()
    return RemoveUser(user) if user and values.get(_SURE) in ("1", "true") else None


def _drain(values: Mapping[str, str]) -> Question | None:
    return Drain(values.get(_DRAIN) in ("1", "true"))


def _checked(announce: Announce) -> Announce | None:
    try:
        return convert(to_builtins(announce), Announce)
    except ValidationError:
        return None


COMMANDS: Final[Mapping[str, AdminCommand]] = {
    "admin-users": AdminCommand(texts.ADMIN_USERS, ListUsers()),
    "admin-failures": AdminCommand(texts.ADMIN_FAILURES, ListFailures()),
    "admin-announce": AdminCommand(
        texts.ADMIN_ANNOUNCE,
        CommandForm(
            texts.ADMIN_ANNOUNCE,
            texts.ADMIN_ANNOUNCE_HELP.format(limit=LONGEST_TEXT),
            (
                FormField("text-single", _TEXT, texts.ADMIN_TEXT),
                FormField("boolean", _EVERYONE, texts.ADMIN_EVERYONE, "false"),
            ),
        ),
        _announce,
    ),
    "admin-remove": AdminCommand(
        texts.ADMIN_REMOVE,
        CommandForm(
            texts.ADMIN_REMOVE,
            texts.ADMIN_REMOVE_HELP,
            (
                FormField("text-single", _USER, texts.ADMIN_USER),
                FormField("boolean", _SURE, texts.ADMIN_SURE, "false"),
            ),
        ),
        _remove,
    ),
    "admin-drain": AdminCommand(
        texts.ADMIN_DRAIN,
        CommandForm(
            texts.ADMIN_DRAIN,
            texts.ADMIN_DRAIN_HELP,
            (FormField("boolean", _DRAIN, texts.ADMIN_TAKE_NONE, "true"),),
        ),
        _drain,
    ),
}
"""The ad-hoc commands for admins, by node."""


def filled(node: str, values: Mapping[str, str]) -> Question:
    """Return what a submitted form asks. Raise MalformedError if it asks nothing."""
    question = COMMANDS[node].filled(values)
    if question is None:
        raise MalformedError(texts.ADMIN_NOT_FILLED)
    return question


def answers(message: Element, body: str, administer: Administer, send: Callable[[Element], None]) -> bool:
    """Answer an admin who has written this to the gateway. Return False if it is nothing for admins."""
    asked = question(body)
    if asked is None:
        return False
    us, admin = bare(attribute(message, "to")), sender_of(message)

    def answer(text: str) -> None:
        send(messages.stanza(SendText(us, admin, text), token_urlsafe(_NONCE_BYTES)))

    if isinstance(asked, str):
        answer(asked)
    else:
        administer(bare(admin), asked).addCallback(answer)
    return True


def question(body: str) -> Question | str | None:
    """Return what an admin asks in a chat; or a text to answer at once; None if it is nothing for admins."""
    first, _, rest = body.strip().removeprefix("/").partition(" ")
    if first.casefold() != "admin":
        return None
    word, _, rest = rest.strip().partition(" ")
    match word.casefold(), rest.split():
        case "users", []:
            return ListUsers()
        case "failures", []:
            return ListFailures()
        case "announce", [all, *_] if all.casefold() == _ALL:
            return _checked(Announce(rest.strip()[len(_ALL) :].strip(), True)) or texts.ADMIN_HELP
        case "announce", [_, *_]:
            return _checked(Announce(rest.strip())) or texts.ADMIN_HELP
        case "drain", []:
            return Drain()
        case "drain", ["off"]:
            return Drain(False)
        case "remove", [user, "yes"]:
            return RemoveUser(user)
        case _:
            return texts.ADMIN_HELP
