"""The sentences about a running gateway: for the operator, and for admins in a chat, whose language they are put into.

A text with names in braces is a template for `str.format`, or for Twisted's logger.
"""

from typing import Final

# --- for the operator: what is wrong with the parts

NO_STREAM: Final = "There is no stream to the XMPP server."
NO_EDGE: Final = "The SIP edge (kamailio) does not run."
NO_ENGINE: Final = "The SIP engine does not run."
NO_RELAY: Final = "The media relay does not answer."
LOG_FAILED: Final = "The log takes no more events."
NO_ROOM: Final = "The disk is almost full, so no call can begin."

# --- for the operator, in the log

DRAINING: Final = "New calls are refused from now on, so that the gateway is drained. Calls that go on: {calls}."
NOT_DRAINING: Final = "New calls are taken again: the gateway is drained no longer. Calls that go on: {calls}."
ADMIN_REMOVES: Final = "{admin} removes {user}."
ADMIN_ANNOUNCES: Final = "{admin} announces something to the users."
ADMIN_DRAINS: Final = "{admin} drains the gateway."
ADMIN_ENDS_DRAIN: Final = "{admin} lets calls begin again."
ADMIN_BUG: Final = "A bug: an admin got no answer"
ANNOUNCING_BUG: Final = "A bug: an announcement has ended too early"

# --- what cannot be done

NO_SUCH_USER: Final = "The gateway knows nothing of {user}."
NOT_REMOVED: Final = "{user} cannot be removed while the log takes no more events of theirs."
NOT_SENT: Final = "There is no stream to the XMPP server, so nobody would get the message. Try again later."
ANNOUNCING: Final = "Another announcement is under way, with {left} users to go. Try again later."
NO_ANSWER: Final = "The gateway has a bug. Its log has the details."

# --- the answers to admins

USER: Final = "{user}: {account}, {state}, calls now: {calls}"
STATES: Final = {
    "signed-in": "signed in",
    "signing-in": "signing in",
    "waiting": "waiting for the provider",
    "refused": "refused by the provider",
    "signed-out": "signed out",
    "changing": "about to be changed",
}
MORE_USERS: Final = "And {count} more: fargo accounts lists them."
NO_USERS: Final = "Nobody is registered."
FAILED_IN: Final = "{at}: {peer} called {user}. {why}"
FAILED_OUT: Final = "{at}: {user} called {peer}. {why}"
NOBODY_KNOWN: Final = "?"
NO_FAILURES: Final = "No call has failed that is known here."
REMOVED: Final = "The user is removed, with everything that was kept."
REMOVED_ELSEWHERE: Final = "Worker {worker} has the user, and is told to remove them with everything that was kept."
OF_ONE_WORKER: Final = "This is so of the users of worker {worker}. Other workers: {others}."
REMOVED_UNREGISTERED: Final = "What was kept of the user is removed. There was no account."
ANNOUNCED: Final = "Users who are told: {count}."
DRAINED: Final = "No new calls begin. Calls that go on: {calls}."
NOT_DRAINED: Final = "Calls can begin. Calls that go on: {calls}."
