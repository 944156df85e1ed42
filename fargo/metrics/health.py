"""The pages by which others ask whether a process lives and serves, such as a load balancer.

Rules:

1. `/live` is answered with 200 as long as the process answers at all. `/ready` is answered with 200 if users can
   register and call and nothing is wrong, as the exit code of `fargo status` says it, else with 503 and the reason.
2. All users of this machine can read them, so no address and nobody is named: parts that are not well are, but not what
   they say, such as where the XMPP server is.
"""

from http import HTTPStatus
from typing import Final

from fargo.metrics import texts
from fargo.operations.values import GatewayStatus, WaitingStatus

METRICS: Final = "/metrics"
LIVE: Final = "/live"
READY: Final = "/ready"
TYPE: Final = "text/plain; charset=utf-8"


def readiness(status: GatewayStatus | WaitingStatus) -> tuple[int, str]:
    """Return the code of the page `/ready`, and its text."""
    if isinstance(status, WaitingStatus):
        return HTTPStatus.SERVICE_UNAVAILABLE, texts.WAITS.format(worker=status.worker)
    if status.is_well:
        return HTTPStatus.OK, texts.READY
    ailing = ", ".join(name for name, part in status.parts.items() if part.problem)
    why = texts.AILING.format(parts=ailing) if ailing else texts.NOT_SERVING[status.phase]
    return HTTPStatus.SERVICE_UNAVAILABLE, why
