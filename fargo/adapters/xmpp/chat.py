"""A user's words to the gateway itself, as a request.

Rules:

1. Words may be in any case, with any white space between and around them, and with a slash before the first.
2. What is understood only in part is not understood.
3. After “register”, the next text is the password, unless it stops that or begins it anew. It is no request.
4. What stands for a number or address is read by the core, unless it can be neither (`typed_address`).
5. What stands behind “register” and is no address may be a password, so it is in no request.
"""

from collections.abc import Callable
from typing import Final

from fargo.adapters.xmpp import keep_command, sed_command, typed_address
from fargo.adapters.xmpp.stanza import MAX_TEXT
from fargo.statemachine.model.requests import (
    AskBusy,
    AskCall,
    AskConference,
    AskForward,
    AskRemoval,
    AskStay,
    CallNumber,
    EndCalls,
    GatewayRequest,
    GiveUp,
    NotUnderstood,
    Register,
    SetBusy,
    SetForward,
    SetStay,
    ShowCalls,
    ShowHelp,
    ShowRules,
    ShowStatus,
    TransferCall,
)

_REGISTER: Final = "register"
_REMOVAL: Final = "unregister yes"
_REQUESTS: Final[dict[str, GatewayRequest]] = {
    "help": ShowHelp(),
    "?": ShowHelp(),
    "status": ShowStatus(),
    "calls": ShowCalls(),
    "hang up": EndCalls(),
    "hangup": EndCalls(),
    "unregister": AskRemoval(),
    "cancel": GiveUp(),
    "busy": AskBusy(),
    "stay": AskStay(),
    "forward": AskForward(),
    "call": AskCall(),
    "transfer": TransferCall(),
    **dict.fromkeys(("conference", "join", "merge"), AskConference()),
    "busy on": SetBusy(True),
    "busy off": SetBusy(False),
    "rules": ShowRules(),
    "stay on": SetStay(True),
    "stay off": SetStay(False),
    "forward off": SetForward(None),
}
_OF_NUMBERS: Final[dict[str, Callable[[str], GatewayRequest]]] = {
    "forward": SetForward,
    "call": CallNumber,
    "transfer": TransferCall,
}


def request(body: str) -> GatewayRequest:
    """Return what a text asks for."""
    if found := sed_command.request(body) or keep_command.request(body):
        return found
    words = body.strip().removeprefix("/").split()
    match words:
        case [first, address] if first.casefold() == _REGISTER and "@" in address and len(address) <= MAX_TEXT:
            return Register(address)
        case [first] | [first, _] if first.casefold() == _REGISTER and "@" not in words[-1]:
            return Register("")
        case [first, *number] if number and (make := _OF_NUMBERS.get(first.casefold())) and not _is_off(number):
            written = " ".join(number)
            fits = len(written) <= MAX_TEXT and typed_address.is_possible(written)
            return make(written) if fits else NotUnderstood()
        case _:
            return _REQUESTS.get(" ".join(words).casefold(), NotUnderstood())


def _is_off(words: list[str]) -> bool:
    return [each.casefold() for each in words] == ["off"]


def is_removal(body: str) -> bool:
    """Return True if a text confirms that the registration is to be cancelled."""
    return " ".join(body.split()).removeprefix("/").casefold() == _REMOVAL


def is_password(body: str) -> bool:
    """Return True if a text is a password, when one is asked for (rule 3)."""
    return not isinstance(request(body), GiveUp | Register)
