"""The sentences of the gateway's own chat."""

from typing import Final

HELP: Final = """\
This is the gateway between your XMPP client and telephones. Write to it:
help: this list
status: how your SIP account is
calls: your latest calls
hang up: ends your calls
busy on, busy off: callers hear that you are busy, or your clients ring again
rules: what becomes of numbers that you call, or that call you
sed s/^0/+44/: a number that begins with 0 begins with +44 from now on
sed -o s/^[+]1900.*//: you cannot call numbers that begin with +1900
sed -d 1, sed -t NUMBER: delete a rule, or try what becomes of a number
stay on, stay off: you are called when no client of yours is online, too, or only when one is
To call, add a number as a contact of {gateway}."""
NOT_UNDERSTOOD: Final = "That was not understood."
UNREGISTERED: Final = "You have no SIP account here. Register one in your client's list of services, at {gateway}."

# --- status

CLIENTS: Final = "Clients of yours that can take calls: {count}."
CALLS: Final = "Calls at the moment: {count}."
BUSY: Final = "Callers hear that you are busy. Write “busy off” to be called again."
STAYS: Final = "You stay signed in when none of your clients is online."

# --- calls

NO_CALLS: Final = "There were no calls yet."
CALLED: Final = "{ago}: you called {peer}. {outcome}"
WAS_CALLED: Final = "{ago}: {peer} called you. {outcome}"
ANONYMOUS: Final = "Somebody who hides their number"
NAMED: Final = "{name} ({peer})"
GOING_ON: Final = "The call goes on."
RINGING: Final = "It rings."
TALKED: Final = "You talked for {duration}."
NOT_ANSWERED: Final = "There was no answer."
NOW: Final = "just now"
AGO: Final = "{time} ago"
SECONDS: Final = "{count} s"
MINUTES: Final = "{count} min"
HOURS: Final = "{count} h"
DAYS: Final = "{count} days"

# --- dial rules

RULE: Final = "{number}: {rule}"
RULE_OF_ALL: Final = "For all users: {rule}"
NO_RULES: Final = "You have no rules. Write “sed s/^0/+44/” to add one."
RULE_ADDED: Final = "Rule {number}: {rule}"
RULE_DELETED: Final = "Deleted: {rule}"
NO_SUCH_RULE: Final = "You have no rule {number}. Write “rules” to see them."
TOO_MANY_RULES: Final = "You have {most} rules, which is as many as there can be. Delete one first."
TRIED: Final = "{number} becomes {result}."
TRIED_SAME: Final = "{number} stays as it is."
TRIED_EMERGENCY: Final = "{number} is an emergency number. No rule applies to it."

# --- settings and hanging up

BUSY_ON: Final = "Callers hear from now on that you are busy. You are told who has called."
BUSY_OFF: Final = "Your clients ring again."
STAY_ON: Final = (
    "You stay signed in from now on when none of your clients is online. Calls ring mobile clients that your server "
    "wakes, and you are told which you have missed."
)
STAY_OFF: Final = "You are signed in only while one of your clients is online."
HUNG_UP: Final = "Calls that were ended: {count}."
NOTHING_TO_END: Final = "You are in no call."
YOU_HUNG_UP: Final = "The user has ended the call."
