"""What each metric means, and the sentences about serving them."""

from typing import Final

CALLS_BEGUN: Final = "Calls that have begun."
CALLS: Final = "Calls that have ended."
SETUP: Final = "The time from the beginning of a call until it was answered."
TALK: Final = "The time from the answer of a call to its end."
EVENTS: Final = "Events that the log has taken."
COMMIT: Final = "The time until the log has taken a batch of events."
REFUSED: Final = "Requests of users that a limit has refused, told once a minute."
FAULTS: Final = "Bugs that have cost a call or an event."
RESTARTS: Final = "Programs of the gateway that have ended by themselves and were started again."
SERVING: Final = "1 if users can register and call, 0 while the gateway starts or stops."
UP: Final = "1 if a part of the gateway is well, 0 if not."
ACCOUNTS: Final = "Registered accounts."
ACTIVE_CALLS: Final = "Calls that are going on."
MEMORY: Final = "The memory of the gateway and of the programs that it has started."
LOG_SIZE: Final = "The size of the event log."
RELAY_SESSIONS: Final = "The sessions of the media relay, of all its users."
VERSION: Final = "The version of the gateway."

NOT_SERVED: Final = "There are no metrics at http://{host}:{port}/metrics: {why}"
BUG_LOG: Final = "A bug: the metrics could not be made"
