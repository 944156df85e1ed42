"""The sentences of this package for people. A text with names in braces is a template for `str.format`."""

from typing import Final

from fargo.statemachine.model.call_records import Side, TransferStep
from fargo.statemachine.model.sip_messages import Undelivered

# --- addresses that audio must not go to

REFUSED_ADDRESSES: Final = "no audio to {addresses}"

# --- events of the gateway, and commands that nobody is sent

RESTARTED: Final = "The gateway was restarted."
STOPPING: Final = "The gateway is stopping."
STREAM_OPENED: Final = "The stream to the XMPP server is open."
NO_ROOM: Final = "the disk is almost full: no new calls"
ROOM: Final = "the disk has room again"
DRAINING: Final = "the gateway is drained: no new calls"
NOT_DRAINING: Final = "the gateway is drained no longer"
POLICY: Final = "The configured audio path is “{path}”; there is no media relay."
AT_EDGE: Final = "{policy} The SIP edge is at {edge}."
POLICY_WITH_RELAY: Final = "The configured audio path is “{path}”; there is a media relay."
REFUSED: Final = "refused, and not written: {count}"
CLOCK_JUMPED: Final = "the wall clock has jumped ahead by {seconds:.0f} s"
ANNOUNCED: Final = "The operator says: {text}"
USER_REMOVED: Final = "The operator removes the user."
TIME_PASSED: Final = "A deadline has passed."
SNAPSHOT: Final = "A snapshot replaces all earlier events."
BUG: Final = "A bug: {error}"
PASSWORD_ERASED: Final = "A password is erased."
TEXT_FORGOTTEN: Final = "text forgotten"
USER_ERASED: Final = "The user is erased from the log."

# --- SIP messages of our own user agent

UNREGISTER: Final = "REGISTER (remove)"
KEEP_FLOW: Final = "keep the connection open"
RELEASE_FLOW: Final = "release the connection"
FLOW_CLOSED: Final = "the registrar closed the connection"
EDGE_RESTARTED: Final = "the SIP edge was restarted"
UNDELIVERED: Final = {
    Undelivered.NO_SUCH_NAME: "no such server in DNS",
    Undelivered.NAMES_SILENT: "no name server answers",
    Undelivered.SILENT: "no answer",
    Undelivered.REFUSED: "connection refused",
    Undelivered.CERTIFICATE: "invalid TLS certificate",
    Undelivered.SECRET: "no password",
    Undelivered.EDGE: "the SIP edge does not run",
    Undelivered.UNSENDABLE: "cannot be sent",
}

OF_SECOND_LEG: Final = "{label} (2nd phone)"
CSEQ: Final = "CSeq {cseq}"
ENDS: Final = "{sender} to {recipient}"
ANSWERS: Final = "to {method}"
ANSWERS_CSEQ: Final = "to {method} {cseq}"
CAME_FROM: Final = "from {address}"
SENT_TO: Final = "sent to {address}"
BY_EDGE: Final = "by the SIP edge"
AUDIO_AT: Final = "{codecs} at {address}"
BY_ICE: Final = "{codecs} by ICE"
AND_VIDEO: Final = "{audio}, video {video}"
VIDEO_OF_PHONE: Final = "{video}, sent by the phone alone"
VIDEO_TO_PHONE: Final = "{video}, sent to the phone alone"
VIDEO_OF_NOBODY: Final = "{video}, sent by nobody"
DTLS: Final = "{audio}, DTLS-SRTP"
SRTP: Final = "{audio}, SRTP"
SRTP_OPTIONAL: Final = "{audio}, SRTP optional"
NO_AUDIO: Final = "no audio"
OTHER_BODY: Final = "{type}, {length} bytes"
KEY: Final = "a key"
WHOLE_PICTURE: Final = "a whole picture, please"
TEXT_BODY: Final = "text, {length} bytes"
TYPES: Final = "typing"
TYPES_NO_MORE: Final = "not typing"
SUMMARY: Final = "new voice messages: {new}"
SOME: Final = "some"

# --- records of calls and accounts

CALLS: Final = "{caller} calls {called}."
ANONYMOUS_CALLER: Final = "An anonymous caller"
THE_GATEWAY: Final = "the gateway itself"
"""Stands for the address in a call to the gateway's own JID, which has no SIP address."""
REWRITTEN: Final = "Dial rules have made {result} of {number}: {rules}."
NUMBER_REFUSED: Final = "Dial rules have refused {number}: {rules}."
DIRECT_AUDIO: Final = "Direct audio: {why}"
RELAYED_AUDIO: Final = "Audio through the relay: {why}"
EARLY_AUDIO: Final = "The caller hears the phone, which has not answered."
ANSWERED: Final = "Answered: {client} is in the call."
CARRIED: Final = "The relay has carried {from_client:,} packets from the client and {from_phone:,} from the phone."
QUALITY: Final = "From {end}: {loss:g} % lost, jitter {jitter} ms, MOS {mos:.1f}."
TRANSFERS: Final = {
    TransferStep.ASKED: "The phone asks for a transfer to {to}.",
    TransferStep.REFUSED: "The transfer to {to} is refused.",
    TransferStep.DONE: "The call was transferred to {to}.",
    TransferStep.FAILED: "The transfer to {to} has failed.",
}
USER_TRANSFERS: Final = {
    **TRANSFERS,
    TransferStep.ASKED: "The user transfers the call to {to}.",
    TransferStep.DONE: "The two phones are joined: the user has transferred the call to {to}, and is out of it.",
}
CALL_ID: Final = "The Call-ID is {call_id}."
FORWARDED_CALL_ID: Final = "The Call-ID of the call to the number that it is forwarded to is {call_id}."
AGREED: Final = "The audio is {codecs}: the phone sends to {local} and receives at {remote}."
NO_ADDRESS: Final = "an unknown address"
VIDEO_AGREED: Final = "The video is {codecs}."
AGREED_BY_ICE: Final = "The audio is {codecs}, at addresses that ICE finds."
BY_DTLS: Final = "It is encrypted (DTLS-SRTP)."
BY_SRTP: Final = "It is encrypted between the phone and the relay (SRTP)."
HELD_BY: Final = {
    Side.CLIENT: "The client has put the phone on hold.",
    Side.PHONE: "The phone has put the client on hold.",
}
HELD_BY_PHONE: Final = {
    Side.CLIENT: "The phone that the call was forwarded to has put the caller on hold.",
    Side.PHONE: "The caller has put the phone that the call was forwarded to on hold.",
}
ENDED: Final = "Ended by {by}: {cause}."
ENDED_WITH_REASON: Final = "Ended by {by}: {cause}. {reason}"
ACCOUNT: Final = "The SIP account {address}: {status}"
NO_ACCOUNT: Final = "There is no SIP account."

ENDED_BY: Final = {Side.CLIENT: "the client", Side.PHONE: "the phone", Side.GATEWAY: "the gateway"}
ENDED_BY_TARGET: Final = "the phone that it was forwarded to"

# --- a call in a table

TO: Final = "to {peer}"
FROM: Final = "from {peer}"
FROM_NUMBER: Final = "{peer}, written {number}"
FORWARDED: Final = "{peer}, forwarded to {to}"
TRANSFERRED: Final = "{peer}, transferred to {to}"
NOBODY: Final = "an address that cannot be called"
TARGET: Final = "forwarded-to phone"
AN_ANONYMOUS_CALLER: Final = "an anonymous caller"
ONE_WAY: Final = "{audio}, one way"
WITH_CODEC: Final = "{audio}, {codec}"
WITH_VIDEO: Final = "{audio}, video {codec}"
ENCRYPTED: Final = "{audio}, encrypted"
END_TO_END: Final = "{audio}, encrypted end to end"
HELD: Final = "{audio}, held {time}"
WITH_MOS: Final = "{audio}, MOS {mos:.1f}"
IN_PROGRESS: Final = "in progress"
ENDING: Final = "{by}: {cause}"
ENDING_WITH_REASON: Final = "{by}: {cause}. {reason}"

# --- values

NONE: Final = "none"
REPLACED: Final = "{before} -> {after}"
ADDED: Final = "= {value}"
REMOVED: Final = "removed"
NOTHING: Final = "nothing"

# --- a ladder

SECONDS: Final = "seconds"
LATER: Final = "later"
TITLE: Final = "{call}  {at} UTC"

# --- the steps of a log

HEADING: Final = "{at}  {user}  event {version}"
STATE: Final = "state"
COMMANDS: Final = "commands"

# --- a call on its page

UTC: Final = "{time} UTC"

# --- stepping through a call

GREETING: Final = "Call {call}. Type help for the list of commands; Return goes to the next step."
UNKNOWN_COMMAND: Final = "There is no command “{name}”. Type help for the list of commands."
STEP: Final = "step {at} of {count}: {phases}"
UNKNOWN_PLACE: Final = "The state has no “{path}”. The last part that exists has: {parts}."
NO_COMMANDS: Final = "The step has no commands."
NO_DEADLINES: Final = "Nothing is due."
DEADLINE: Final = "  {at}, in {seconds:.3f} seconds: {name}"
NOT_A_NUMBER: Final = "“{text}” is not a number of steps."
NO_SUCH_STEP: Final = "There is no such step. The call has {count} steps, and this is step {at}."
NOT_FOUND: Final = "No later step has “{name}”. The steps have: {names}."
PROMPT: Final = "step {at}> "
