"""The sentences of this package for people. A text with names in braces is a template for `str.format`."""

from typing import Final

from fargo.statemachine.model.call_records import AudioPath, Side, TransferStep
from fargo.statemachine.reason import Cause

# --- the beginning, and what was heard

CALLED: Final = "On {at}, {user} called {peer}."
WAS_CALLED: Final = "On {at}, {peer} called {user}."
SOMEBODY: Final = "somebody who gave no number"
FORWARDED: Final = "No client took the call, and it was forwarded to {to}."
THE_GATEWAY: Final = "the gateway itself"
ANSWERED: Final = "The call was answered after {after}."
TALKED: Final = "It lasted {time}."
NOT_ANSWERED: Final = "The call was not answered, and ended after {after}."
TRANSFERS: Final = {
    TransferStep.ASKED: "",
    TransferStep.REFUSED: "The phone asked for a transfer to {to}, which was refused: {why}.",
    TransferStep.DONE: "The phone transferred the call to {to}.",
    TransferStep.FAILED: "The phone asked for a transfer to {to}, which failed: {why}.",
}
USER_TRANSFERS: Final = {
    TransferStep.ASKED: "",
    TransferStep.REFUSED: "The user wanted to transfer it to {to}, which was refused: {why}.",
    TransferStep.DONE: "The user transferred the call to {to}.",
    TransferStep.FAILED: "The user wanted to transfer it to {to}, which failed: {why}.",
}
NOBODY: Final = "an address that cannot be called"
ANNOUNCEMENT: Final = "The caller heard sound from the other side before that, such as an announcement."
NO_AUDIO: Final = "The relay received no audio from either end."
NOTHING_FROM_CLIENT: Final = "The relay received no audio from the XMPP client: the phone heard nothing."
NOTHING_FROM_PHONE: Final = "The relay received no audio from the phone: the XMPP client heard nothing."

GOOD_AUDIO: Final = "The audio got through well both ways, as far as the relay can tell."
POOR_FROM_CLIENT: Final = "The phone heard the XMPP client poorly: {loss:g} % of the audio was lost."
POOR_FROM_PHONE: Final = "The XMPP client heard the phone poorly: {loss:g} % of the audio was lost."
LATE_FROM_CLIENT: Final = "The phone heard the XMPP client late or in pieces."
LATE_FROM_PHONE: Final = "The XMPP client heard the phone late or in pieces."

# --- the end

IN_PROGRESS: Final = "As far as the log knows, it is still in progress."
SIDES: Final = {
    Side.CLIENT: "the XMPP client",
    Side.PHONE: "the SIP side (the phone or a server on the way to it)",
    Side.GATEWAY: "the gateway",
}
THE_NUMBER: Final = "the number that it was forwarded to"
ENDINGS: Final = {
    Cause.HUNG_UP: "It was ended in the usual way, by {side}.",
    Cause.CANCELLED: "It was cancelled before it was answered, by {side}.",
    Cause.ELSEWHERE: "It was answered on another device.",
    Cause.NOT_FOUND: "It failed because the number or address does not exist, according to {side}.",
    Cause.UNAVAILABLE: "It failed because nobody can be reached there now, according to {side}.",
    Cause.NO_ANSWER: "Nobody answered; {side} ended it.",
    Cause.BUSY: "The called end was busy, according to {side}.",
    Cause.DECLINED: "It was declined, by {side}.",
    Cause.FORBIDDEN: "It failed because it is not allowed, according to {side}.",
    Cause.MEDIA: "It failed because the two ends have no audio codec in common, according to {side}.",
    Cause.APPLICATION: "It failed because it is not an audio call, according to {side}.",
    Cause.TRANSPORT: "It failed because the two ends have no way in common to send audio, according to {side}.",
    Cause.SECURITY: "It failed because the two ends have no encryption in common, according to {side}.",
    Cause.NETWORK: "It failed because a connection was lost or a server could not be reached, according to {side}.",
    Cause.CONGESTION: "It failed because no new calls were taken, according to {side}.",
    Cause.SERVER_ERROR: "It failed because a server is in trouble, according to {side}.",
    Cause.FAULT: "It failed because of a bug in the gateway.",
}
WORDS: Final = "The words that the user was given: {reason}."

# --- the next step

NOTHING_IS_BROKEN: Final = "Nothing is broken."
CHECK_PATH_OF_AUDIO: Final = (
    "Next: the audio does not get through in one direction. Look for a firewall or NAT between that end and the relay: "
    "its ports for audio must be reachable from there."
)
CHECK_NETWORK: Final = (
    "Next: look at the network of the end that was heard poorly, and at the way from there to the relay."
)
DRAW_LADDER: Final = "Next: “fargo replay ladder {call}” shows the messages of the call."
ASK_PROVIDER: Final = "Next: ask the SIP provider, with the Call-ID and the time below."
RELAY_NEEDED: Final = "Next: such clients need a media relay; look at [media] relay in the configuration."
ASK_PROVIDER_OR_COMPARE: Final = (
    "Next: compare the number or address below with the one that was meant; if it is right, ask the SIP provider."
)
COMPARE: Final = "Next: the address is none that SIP can call; compare it with the one that was meant."
TRY_LATER: Final = "Next: try again later; the phone is not signed in with its own provider, or is out of reach."
SEE_ACCOUNT: Final = "Next: see if the user had a client online, and an account that was signed in."
SEE_LIMITS: Final = "Next: see what the gateway's configuration and limits allow the user."
COMPARE_CODECS: Final = "Next: compare the codecs that client and phone have; a media relay can translate between them."
SEE_ENCRYPTION: Final = "Next: see if the account demands encrypted audio that the provider does not have."
CLIENT_LOST: Final = "Next: the client lost its connection; see if the user's network or XMPP server had an outage."
SEE_DISK: Final = (
    "Next: see the limits in the configuration, the space on the disk, and if somebody has drained the gateway."
)
REPORT_BUG: Final = "Next: export the call with “fargo replay export {call}”, and send it to the developers."

# --- the facts

CALL: Final = "Call"
BEGAN: Final = "Began"
ENDED: Final = "Ended"
CALL_ID: Final = "Call-ID"
FROM: Final = "From"
TO: Final = "To"
STATUS: Final = "SIP status"
DIAL_RULES: Final = "Dial rules"
REWRITTEN: Final = "{written} became {number} and then {result}: {rules}"
NUMBER_REFUSED: Final = "{written} was refused: {rules}"
TRANSFERRED_TO: Final = "Transferred to"
FORWARDED_TO: Final = "Forwarded to"
FORWARDED_CALL_ID: Final = "Call-ID to that number"
CLIENT: Final = "XMPP client"
AUDIO: Final = "Audio"
ADDRESSES: Final = "Addresses"
HELD: Final = "On hold"
PACKETS: Final = "Packets"
QUALITY_FROM_CLIENT: Final = "Quality from the client"
QUALITY_FROM_PHONE: Final = "Quality from the phone"
AUDIO_OF: Final = "{path}, {codecs}"
AUDIO_ENCRYPTED: Final = "{path}, {codecs}, encrypted between phone and relay"
AUDIO_END_TO_END: Final = "{path}, {codecs}, encrypted end to end"
PATHS: Final = {AudioPath.DIRECT: "directly between client and phone", AudioPath.RELAY: "through the media relay"}
BETWEEN_PHONES: Final = "directly between the two phones"
NO_CODEC: Final = "codec not known"
BETWEEN: Final = "the phone sends to {local} and receives at {remote}"
UNKNOWN: Final = "an unknown address"
PACKETS_OF: Final = "{from_client:,} from the client, {from_phone:,} from the phone"
QUALITY_OF: Final = "{loss:g} % lost, jitter {jitter} ms, MOS {mos:.1f}"
QUALITY_AND_ROUND_TRIP: Final = "{loss:g} % lost, jitter {jitter} ms, round trip {round_trip} ms, MOS {mos:.1f}"
LESS_THAN_A_SECOND: Final = "less than a second"
SECONDS: Final = "{seconds} s"
MINUTES: Final = "{minutes} min {seconds} s"
