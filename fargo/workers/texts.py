"""The sentences about workers, for the operator."""

from typing import Final

STANDS_BY: Final = "Worker {worker} waits until nobody else is it, and then goes on with its users. {why}"
TAKES_OVER: Final = "Worker {worker} takes over."
NOT_FOLLOWED: Final = "The log cannot be followed at the moment: {why}"
BEAT_FAILED: Final = "The log does not answer: {why}"
COMES: Final = "{user} is this worker's user now."
GOES: Final = "{user} has moved to worker {worker}, to which their XMPP server sends what they send."
NOT_READ: Final = "Something for {user} that came to worker {worker} cannot be read, and is dropped."
NO_STORE: Final = "The users of the workers cannot be looked up: {why}"
BUG: Final = "A bug in what workers share. Please report it."
