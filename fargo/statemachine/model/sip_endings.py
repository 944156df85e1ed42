"""The commands of the engine "sip" that only end or answer something: those that are sent also where nothing may begin
(`commands.ends`).
"""

from typing import Final, assert_never

from fargo.statemachine.model.sip_messages import (
    KeepFlow,
    ReleaseFlow,
    SendRegister,
    SendRequest,
    SendResponse,
    UserAgentCommand,
)

_ENDING_METHODS: Final = frozenset({"ACK", "BYE", "CANCEL"})


def ends(command: UserAgentCommand) -> bool:
    """Return True if a command only ends or answers something (`commands.ends`)."""
    match command:
        case SendRequest(method=method):
            return method in _ENDING_METHODS
        case SendResponse(head=head, status=status):
            return status >= 300 or (status >= 200 and head.method != "INVITE")
        case SendRegister(expires=expires):
            return expires == 0
        case KeepFlow():
            return False
        case ReleaseFlow():
            return True
        case _:
            assert_never(command)
