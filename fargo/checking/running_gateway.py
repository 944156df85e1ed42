"""The gateway that runs already with this state directory, or waits until it is its turn to be a worker.

The ports and the place at the XMPP server of one that runs are not tried: it has them, or says why not. One that waits
has the port of its metrics only; but its place has another process, which the server may put out for whoever comes.
"""

from collections.abc import Iterator
from typing import Final

from fargo.checking import texts
from fargo.checking.finding import Finding, fine, problem, warning
from fargo.config import Config
from fargo.control.client import GatewayProblemError, NoGatewayError, SilentGatewayError, ask
from fargo.control.questions import AskStatus
from fargo.operations.values import GatewayStatus, WaitingStatus
from fargo.operations.waiting import waiting_in
from fargo.running import gateway_of

_SECONDS: Final = 3.0
"""Seconds to wait for its answer."""
_ASKED_HERE: Final = ("relay",)
"""The parts of the gateway that the checks ask themselves."""


def process_of(config: Config) -> int | None:
    """Return the id of the gateway's process, None if none runs, or if we may not look, which is told elsewhere."""
    try:
        return gateway_of(config.state.directory)
    except OSError:
        return None


def waiting(config: Config) -> WaitingStatus | None:
    """Return what the process says that waits, None if none does, or if we may not ask."""
    try:
        return waiting_in(config.state.directory, _SECONDS) if config.worker else None
    except OSError:
        return None


def findings(config: Config) -> Iterator[Finding]:
    """Find what is wrong with the gateway that runs, if one does."""
    path = config.state.directory
    pid = process_of(config)
    if pid is None:
        return
    yield fine(texts.RUNS.format(path=path, pid=pid))
    try:
        for name, part in ask(path, AskStatus(), GatewayStatus, _SECONDS).parts.items():
            if part.problem and name not in _ASKED_HERE:
                yield problem("", texts.RUNS_BADLY.format(why=part.problem))
    except (SilentGatewayError, GatewayProblemError) as error:
        yield warning("", texts.RUNS_BADLY.format(why=error))
    except (NoGatewayError, OSError):  # it starts or stops just now
        return
