"""Registration in the chat: the user writes the SIP address, and is asked for the password.

Rules:

1. The next message within `LONGEST` is the password. The adapter, which sees it, puts it into the vault, and submits
   the registration as a form does (`RegistrationSubmitted`). So no password is in a request.
2. The user is told to delete the message, before and after it was written.
3. The address is checked before the password is asked for.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import address
from fargo.statemachine.address import BadAddress
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.requests import PasswordPrompt
from fargo.statemachine.self_service import texts
from fargo.statemachine.user_state import User

LONGEST: Final = 300.0
"""Seconds for which a password is awaited."""


def begin(user: User, written: str, gateway: str, effects: Effects) -> tuple[User, str]:
    """Ask for the password of a SIP address. ``written``: "" for none."""
    if not written:
        return replace(user, prompt=None), texts.REGISTER_WHAT
    uri = address.parse_account(written)
    if isinstance(uri, BadAddress):
        return replace(user, prompt=None), uri.problem
    prompt = PasswordPrompt(written, effects.at + LONGEST, gateway)
    return replace(user, prompt=prompt), texts.ENTER_PASSWORD.format(account=uri)


def give_up(user: User) -> tuple[User, str]:
    """Ask no longer."""
    if user.prompt is None:
        return user, texts.NOTHING_ASKED
    return replace(user, prompt=None), texts.GIVEN_UP


def awaited(user: User | None, at: float) -> str | None:
    """Return the SIP address whose password is awaited at some time, None if none is."""
    return user.prompt.address if user and user.prompt and user.prompt.until > at else None


def deadline(user: User) -> Deadline | None:
    """Return when the password is not awaited any more."""
    return Deadline(texts.PASSWORD, user.prompt.until) if user.prompt else None


def expired(user: User, effects: Effects) -> User:
    """Tell the user that it is too late for the password: what is written next is none."""
    assert user.prompt, "it has expired"
    effects.emit(SendText(user.prompt.gateway, user.jid, texts.NO_PASSWORD_CAME))
    return replace(user, prompt=None)
