"""The sentences of the journal. A text with names in braces is a template for `str.format`, or for Twisted's logger."""

from typing import Final

from fargo.statemachine.model.call_records import Side

# --- the end of a call

CALLED: Final = "{user} called {peer}"
WAS_CALLED: Final = "{user} was called by {peer}"
ANONYMOUS: Final = "an anonymous caller"
FORWARDED: Final = "{call} and forwarded to {to}"
TRANSFERRED: Final = "{call} and transferred to {to}"
THE_GATEWAY: Final = "the gateway itself"
CALL_ENDED: Final = "{who}: {ending} ({side}), {facts} [{call}]"
CALL_ENDED_BECAUSE: Final = "{who}: {ending} ({side}), {facts}. {reason} [{call}]"
TALKED: Final = "talked {time}"
NOT_ANSWERED: Final = "after {time}"
ONE_WAY: Final = "{path}, one way"
VIDEO: Final = "video {codec}"
MOS: Final = "MOS {mos:.1f}"
REFUSED_AT: Final = "{status} at {domain}"

SIDES: Final = {Side.CLIENT: "the client", Side.PHONE: "the phone", Side.GATEWAY: "the gateway"}
THE_NUMBER: Final = "the number it was forwarded to"

SECONDS: Final = "{seconds} s"
MINUTES: Final = "{minutes} min {seconds} s"

# --- accounts

REGISTERED: Final = "{user} has registered the account {account}."
NOT_REGISTERED: Final = "{user} could not register the account {account}: {why}"
NOTHING_REGISTERED: Final = "{user} could not register an account: {why}"
IN_TROUBLE: Final = "{user} is not signed in as {account}, and it is tried again: {why}"
SHUT_OUT: Final = "{user} is not signed in as {account}, and it is not tried again: {why}"
RECOVERED: Final = "{user} is signed in as {account} again."

# --- the journal itself

BUG: Final = "A bug: the journal lacks a line about {user}"
LINE: Final = "{line}"
