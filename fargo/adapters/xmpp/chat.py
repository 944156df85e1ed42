"""What a user writes to the gateway itself, as a request.

Rules:

1. Words may be in any case, with any white space between and around them, and with a slash before the first.
2. What is understood only in part is not understood.
"""

from typing import Final

from fargo.statemachine.model.requests import (
    EndCalls,
    GatewayRequest,
    NotUnderstood,
    SetBusy,
    SetStay,
    ShowCalls,
    ShowHelp,
    ShowStatus,
)

_REQUESTS: Final[dict[str, GatewayRequest]] = {
    "help": ShowHelp(),
    "?": ShowHelp(),
    "status": ShowStatus(),
    "calls": ShowCalls(),
    "hang up": EndCalls(),
    "hangup": EndCalls(),
    "busy on": SetBusy(True),
    "busy off": SetBusy(False),
    "stay on": SetStay(True),
    "stay off": SetStay(False),
}


def request(body: str) -> GatewayRequest:
    """Return what a text asks for."""
    words = " ".join(body.split()).removeprefix("/").casefold()
    return _REQUESTS.get(words, NotUnderstood())
