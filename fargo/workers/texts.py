"""The sentences about workers, for the operator."""

from typing import Final

STANDS_BY: Final = "Worker {worker} waits until nobody else is it, and then goes on with its users. {why}"
STILL_STANDS_BY: Final = "Worker {worker} waits. {why}"
AWAY: Final = "The log cannot be reached, so nobody can be the worker now. It is waited for: {why}"
NOT_ASKED: Final = (
    "This process waits until nobody else is worker {worker}, and does nothing meanwhile. Ask the one that is it: "
    "{holder}."
)
NOBODY_KNOWN: Final = "This process waits until it is its turn to be worker {worker}, and does nothing meanwhile. {why}"
NO_WAITING_SOCKET: Final = "“fargo status” will not find this process while it waits: {why}"
NO_WAITING_PAGES: Final = "There are no metrics at http://{host}:{port}/ while this process waits: {why}"
READ_AGAIN: Final = "The configuration was read again. All of it counts as soon as nothing has to be waited for."
WAITS_NO_MORE: Final = "{name}: nothing is waited for any more."
TAKES_OVER: Final = "Worker {worker} takes over."
NOT_FOLLOWED: Final = "The log cannot be followed at the moment: {why}"
NO_PLACE: Final = (
    "Nothing has come from any user for {seconds} s. The XMPP server may have no place for this worker, as that of a "
    "machine that is gone is still taken, so the worker connects anew."
)
BEAT_FAILED: Final = "The log does not answer: {why}"
NOT_COUNTED: Final = "A bug: what waits for workers could not be counted"
COMES: Final = "{user} is this worker's user now."
GOES: Final = "{user} has moved to worker {worker}, to which their XMPP server sends what they send."
NOT_READ: Final = "Something for {user} that came to worker {worker} cannot be read, and is dropped."
NO_STORE: Final = "The users of the workers cannot be looked up: {why}"
BUG: Final = "A bug in what workers share. Please report it."
