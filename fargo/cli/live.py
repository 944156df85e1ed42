"""Asking the gateway that runs with a state directory, for the commands that need it or do without."""

from pathlib import Path
from typing import TypeVar

from fargo.cli import texts
from fargo.cli.common import InputError
from fargo.control.client import GatewayProblemError, NoGatewayError, SilentGatewayError, ask
from fargo.control.place import WAITING
from fargo.control.questions import Question
from fargo.running import gateway_of

_T = TypeVar("_T")


def asked(directory: Path, question: Question, type: type[_T]) -> _T | None:
    """Return the answer of the gateway that runs with a state directory, None if none does. Raises InputError if it
    cannot be asked or cannot answer.
    """
    try:
        return ask(directory, question, type)
    except (GatewayProblemError, SilentGatewayError) as error:
        raise InputError(str(error)) from None
    except NoGatewayError:
        _refuse_to_wait(directory, question)
        if pid := gateway_of(directory):
            raise InputError(texts.GATEWAY_WITHOUT_SOCKET.format(path=directory, pid=pid)) from None
        return None
    except OSError as error:
        raise InputError(texts.NOT_ENTERED.format(path=directory, why=error.strerror)) from None


def _refuse_to_wait(directory: Path, question: Question) -> None:
    """Raise InputError with the words of the process that waits with a state directory, if one does."""
    try:
        ask(directory, question, object, name=WAITING)
    except GatewayProblemError as error:
        raise InputError(str(error)) from None
    except (NoGatewayError, SilentGatewayError):
        return
