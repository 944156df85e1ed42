"""The sentences of a SIP leg that no engine has, for people."""

from typing import Final

CLIENT: Final = "a client that takes the call"
CLIENT_NOT_THERE: Final = "No client has taken the call, so the number was not called."
