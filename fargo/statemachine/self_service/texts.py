"""The sentences of the gateway's own chat."""

from typing import Final

HELP: Final = """\
This is the gateway between your XMPP client and telephones. Write to it:
help: this list
register alice@example.net: registers your SIP account; you are asked for its password
unregister: removes your SIP account here
status: how your SIP account is
calls: your latest calls
hang up: ends your calls
busy on, busy off: callers hear that you are busy, or your clients ring again
rules: what becomes of numbers that you call, or that call you
sed s/^0/+44/: a number that begins with 0 begins with +44 from now on
sed -o s/^[+]1900.*//: you cannot call numbers that begin with +1900
sed -d 1, sed -t NUMBER: delete a rule, or try what becomes of a number
stay on, stay off: you are called when no client of yours is online, too, or only when one is
call {number}: your clients ring, and the number is called when you take the call
call voicemail: your clients ring, and your provider's mailbox is called
transfer {number}: whom you talk to is connected with a number, and you are out of the call
transfer: the two people that you are in calls with are connected with each other
keep, keep {number} as Bob: who has called or written last, or a number, becomes one of your contacts
forward {number}, forward off: calls that no client of yours takes are forwarded to a number, or no longer
To call, add a number as a contact of {gateway}."""
NOT_UNDERSTOOD: Final = "That was not understood."
UNREGISTERED: Final = (
    "You have no SIP account here. Write “register”, a space and your SIP address, or register in your client's list "
    "of services, at {gateway}."
)

# --- registration

ENTER_PASSWORD: Final = (
    "Write the password of {account} as your next message, within five minutes, and delete that message afterwards. "
    "“cancel” stops this."
)
REGISTER_WHAT: Final = "Write “register”, a space and your SIP address, such as register alice@example.net."
NO_PASSWORD_CAME: Final = "No password came within five minutes, so nothing was registered. Write “register” again."
PASSWORD: Final = "the password"
GIVEN_UP: Final = "Nothing was registered."
NOTHING_ASKED: Final = "There is nothing to cancel. To remove your SIP account, write “unregister”."
CONFIRM_REMOVAL: Final = (
    "This ends your calls, removes your SIP account and its password here, and takes the contacts of the gateway from "
    "your list. Write “unregister yes” if you want that."
)
TITLE_REMOVAL: Final = "Cancel the registration"
REALLY_REMOVE: Final = (
    "This ends your calls, removes {account} and its password here, and takes the contacts of the gateway from your "
    "list."
)
FIELD_SURE: Final = "Yes, remove my SIP account"

# --- status

CLIENTS: Final = "Clients of yours that can take calls: {count}."
CALLS: Final = "Calls at the moment: {count}."
BUSY: Final = "Callers hear that you are busy. Write “busy off” to be called again."
FORWARDS: Final = "Calls that none of your clients takes are forwarded to {to}."
STAYS: Final = "You stay signed in when none of your clients is online."

NOT_BUSY: Final = "Your clients ring when somebody calls. Write “busy on” if they are not to."
TITLE_BUSY: Final = "Do not disturb"
INSTRUCTIONS_BUSY: Final = "Callers can be told that you are busy, without a ring. You are told who has called."
FIELD_BUSY: Final = "Tell callers that I am busy"

# --- calls

NO_CALLS: Final = "There have been no calls yet."
CALLED: Final = "{ago}: you called {peer}. {outcome}"
WAS_CALLED: Final = "{ago}: {peer} called you. {outcome}"
WAS_FORWARDED: Final = "{ago}: {peer} called you, and was forwarded to {to}. {outcome}"
ANONYMOUS: Final = "Somebody who hides their number"
NAMED: Final = "{name} ({peer})"
GOING_ON: Final = "The call goes on."
GOING_ON_WITH: Final = "The call goes on with {to}."
WERE_CONNECTED: Final = "You were connected with {to}. {outcome}"
RINGING: Final = "It rings."
TALKED: Final = "You talked for {duration}."
WAS_TRANSFERRED: Final = "You have transferred the call to {to}."
THEY_TALKED: Final = "They talked for {duration}."
NOT_ANSWERED: Final = "There was no answer."
DECLINED: Final = "The call was declined."
WERE_NOT_SIGNED_IN: Final = "You were not signed in."
WERE_IN_TOO_MANY_CALLS: Final = "You were in too many calls."
WERE_UNDISTURBED: Final = "You were not to be disturbed."
TOOK_NO_CALLS: Final = "A dial rule refuses calls from this number."
WAS_DRAINING: Final = "The gateway took no new calls, because it was about to be restarted."
HAD_NO_ROOM: Final = "The gateway took no new calls, because its disk was almost full."
HAD_NO_CLIENT: Final = "None of your clients could take the call."
NOW: Final = "just now"
AGO: Final = "{time} ago"
SECONDS: Final = "{count} s"
MINUTES: Final = "{count} min"
HOURS: Final = "{count} h"
DAYS: Final = "{count} days"

# --- what the gateway says of its own accord

REFUSED: Final = "Your SIP account is not signed in, so you can neither call nor be called. {problem}"
LASTING: Final = (
    "Your SIP account has not been signed in for ten minutes, so you can neither call nor be called. {problem} You are "
    "told when it works again."
)
WELL_AGAIN: Final = "Your SIP account works again: signed in as {account}."
TROUBLE_TOLD: Final = "a trouble of the account to be told"
NEW_MESSAGES: Final = "You have new voice messages."
ONE_MESSAGE: Final = "You have a new voice message."
SOME_MESSAGES: Final = "You have {count} new voice messages."
URGENT_MESSAGES: Final = "Urgent: {count}."
CALL_MAILBOX: Final = "Call the mailbox: {account}"
NO_MAILBOX: Final = "Your provider has not told the number of your mailbox. Call the number that you know of it."
MAILBOX_ASKED: Final = "the subscription to the mailbox to be renewed"

# --- dial rules

TITLE_RULES: Final = "Dial rules"
INSTRUCTIONS_RULES: Final = (
    "Enter a rule to add it. With a number, too, it is only tried: you are told what becomes of that."
)
FIELD_RULE: Final = "A rule to add, such as s/^0/+44/"
FIELD_NUMBER: Final = "A number to try"
FIELD_DELETE: Final = "The number of a rule to delete"
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
CLIENTS_RING: Final = "Your clients ring. The number is called when you take the call."
CALL_WHOM: Final = "Write “call” and the number or SIP address, such as call {number}."
TITLE_CALL: Final = "Call a number"
INSTRUCTIONS_CALL: Final = (
    "Your clients ring, and the number is called when you take the call. Enter a number or SIP address, such as "
    "{number}."
)
IS_TRANSFERRED: Final = "The number is called. When it answers, the two are connected, and you are out of the call."
ARE_JOINED: Final = "The two are connected with each other, and you are out of both calls."
NO_CONFERENCE: Final = (
    "Three cannot talk in one call: neither this gateway nor its media relay can mix voices. Hold one call while you "
    "talk in the other, or connect the two with each other: “transfer”."
)
TRANSFER_WHOM: Final = (
    "Write “transfer” and the number or SIP address that the call is to go to, such as transfer {number}. If you are "
    "in two calls, “transfer” connects the two with each other."
)
TITLE_TRANSFER: Final = "Transfer the call"
INSTRUCTIONS_TRANSFER: Final = (
    "Enter the number or SIP address that the call is to go to. If you leave the field empty and are in two calls, "
    "those two are connected with each other."
)
TITLE_KEEP: Final = "Keep a contact"
INSTRUCTIONS_KEEP: Final = "Your client is asked to add the number or SIP address to your contacts."
FIELD_NAME: Final = "Name"
NOBODY_TO_KEEP: Final = (
    "Nobody has called or written who is not one of your contacts. Write “keep” and a number to add that."
)
KEPT_ALREADY: Final = "{contact} is one of your contacts already."
OFFERED: Final = "Your client asks you whether to add {contact}. If it does not, add that contact yourself."
NOT_OFFERED: Final = "Add {contact} as a contact. Your client does not do so by itself."
TITLE_STAY: Final = "Stay signed in"
INSTRUCTIONS_STAY: Final = "You can be called when none of your clients is online: your server wakes mobile clients."
FIELD_STAY: Final = "Stay signed in without a client"
TITLE_FORWARD: Final = "Forward calls"
INSTRUCTIONS_FORWARD: Final = "Leave the field empty to forward none."
FIELD_FORWARD: Final = "Number or SIP address"
FORWARD_ON: Final = "Calls that none of your clients takes are forwarded to {to} from now on."
FORWARD_OFF: Final = "Calls are not forwarded."
STAY_ON: Final = (
    "You stay signed in from now on when none of your clients is online. Calls ring mobile clients that your server "
    "wakes, and you are told which you have missed."
)
STAY_OFF: Final = "You are signed in only while one of your clients is online."
HUNG_UP: Final = "Calls that were ended: {count}."
NOTHING_TO_END: Final = "You are in no call."
YOU_HUNG_UP: Final = "The call was ended by “hang up”."
