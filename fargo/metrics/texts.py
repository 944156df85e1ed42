"""The meaning of each metric, and the sentences about serving them."""

from typing import Final

CALLS_BEGUN: Final = "Calls that have begun."
CALLS: Final = "Calls that have ended."
SETUP: Final = "The time from the beginning of a call until it was answered."
TALK: Final = "The time from the answer of a call to its end."
PACKETS: Final = "RTP packets that the media relay has received in calls that have ended."
SILENT: Final = "Answered calls through the media relay in which only the other end has sent audio."
LOSS: Final = "The part of a call's packets from one end that was lost."
JITTER: Final = "The average jitter of a call's audio from one end."
MOS: Final = "How a call's audio from one end sounded, as an estimated mean opinion score from 1 to 4.5."
EVENTS: Final = "Events that the log has taken."
COMMIT: Final = "The time until the log has taken a batch of events."
REFUSED: Final = "Requests of users that a limit has refused, told once a minute."
FAULTS: Final = "Bugs that have cost a call or an event."
RESTARTS: Final = "Programs of the gateway that have ended by themselves and were started again."
SERVING: Final = "1 once users could register and call, 0 while the gateway starts or stops."
WAITING: Final = "1 while the process waits until it is its turn to be a worker, otherwise 0."
FOLLOWED_USERS: Final = "The users whom a process that waits knows from the log."
FOLLOWED_POSITION: Final = "The position up to which a process that waits has read the log."
FOLLOWED_AGE: Final = "The seconds since a process that waits has last read the log to its end."
DRAINING: Final = "1 while no new calls are taken because the gateway is drained, otherwise 0."
HANDED_ON: Final = "What this worker has given to the worker of its user, and taken from others."
HANDED_ON_WAITING: Final = "What is handed on to a worker and waits for it. Each worker tells the same."
HANDED_ON_OLDEST: Final = "The seconds for which the first of that has waited. Each worker tells the same."
UP: Final = "1 if a part of the gateway is well, 0 if not."
ACCOUNTS: Final = "Registered accounts."
ACTIVE_CALLS: Final = "Calls that are going on."
MEMORY: Final = "The memory of the gateway and of the programs that it has started."
LOG_SIZE: Final = "The size of the event log."
RELAY_SESSIONS: Final = "The sessions of the media relay, of all its users."
VERSION: Final = "The version of the gateway."

# --- the page that says whether the gateway serves

READY: Final = "Users can register and call."
WAITS: Final = "This process waits until nobody else is worker {worker}."
AILING: Final = "Parts of the gateway that are not well: {parts}. “fargo status” says why."
NOT_SERVING: Final = {
    "starting": "The gateway starts.",
    "stopping": "The gateway stops.",
}

# --- serving them

NOT_SERVED: Final = "There are no metrics at http://{host}:{port}/metrics: {why}"
BUG_LOG: Final = "A bug: the metrics could not be made"
