"""Asking a process that waits until it is its turn to be a worker."""

from pathlib import Path

from fargo.control.client import SECONDS, GatewayProblemError, NoGatewayError, SilentGatewayError, ask
from fargo.control.place import WAITING
from fargo.control.questions import AskStatus
from fargo.operations.values import WaitingStatus


def waiting_in(directory: Path, seconds: float = SECONDS) -> WaitingStatus | None:
    """Return what the process says that waits with a state directory until it is its turn, None if none does. Raises
    OSError if the directory cannot be entered.
    """
    try:
        return ask(directory, AskStatus(), WaitingStatus, seconds, WAITING)
    except (GatewayProblemError, SilentGatewayError, NoGatewayError):
        return None
