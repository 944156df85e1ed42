"""The version of the rules by which the core folds events, and the changes between versions that logs can show.

Rules:

1. The log names with each event the version of the rules that folded it (`Recorded.rules`). A log that names none was
   written by version 1.
2. A change that makes the core issue other commands for the same events is listed in `CHANGES`. Its version is the
   first that folds by it. One version may have several changes.
3. For each change `replay.verifying.listed` tells which differences it explains. `fargo replay verify` reports these
   under the change's name, and they are no failure.
"""

from typing import Final

from msgspec import Struct

RULES: Final = 10
"""The version that today's code folds by."""


class RuleChange(Struct, frozen=True):
    """A change of the rules: the first version that has it, its name, and in a sentence for people what differs."""

    version: int
    name: str
    sentence: str


ALL_THAT_IS_DUE: Final = RuleChange(
    2,
    "all that is due is done at once",
    "Commands that nobody has answered in time are dealt with together, and no longer one for each TimePassed.",
)
END_AFTER_FAULT: Final = RuleChange(
    2,
    "a fault ends a call as any other end does",
    "Proposals are taken back, a missed call is told, what ends the call is repeated until it is acknowledged, and an"
    " event about all calls costs only the call that it failed in.",
)
LATE_REFUSAL: Final = RuleChange(
    2,
    "a refusal counts after an acknowledgement",
    "A client that refuses a session-initiate or session-accept after it has acknowledged it is out of the session.",
)
REFUSAL_OF_OVERTAKEN: Final = RuleChange(
    2,
    "a relay session of which anything is refused is lost",
    "The relay's refusal counts, or its silence, even if the session has been asked something else since.",
)
PLAIN_SENTENCES: Final = RuleChange(
    3,
    "sentences in plain English",
    "Only texts for people differ: the text of an error, message or reason, the status of a presence or account.",
)
LATE_ANSWER: Final = RuleChange(
    3,
    "an answer to information counts whenever it comes",
    "A client that knows no such session is out of it, even if it says so more than 40 seconds after it was informed.",
)
EVERY_PROPOSAL_ANSWERED: Final = RuleChange(
    3,
    "every proposal is answered",
    "A proposal beyond the limit, or one that comes twice, gets an answer; one of a call that has begun gets no more.",
)
WAITING_ANSWER: Final = RuleChange(
    4,
    "the answer's description is left waiting",
    "The description in the answer to an outgoing call is no longer rejected, neither two seconds after the answer nor"
    " before a hold.",
)
IPV6_AUDIO: Final = RuleChange(
    5,
    "audio over IPv6 is taken",
    "A client with plain RTP and addresses of IPv6 is put through, directly or by the relay, and told otherwise if"
    " that is impossible.",
)
ENCRYPTED_AUDIO: Final = RuleChange(
    6,
    "audio to a provider over TLS is encrypted",
    "With the engine sip, the registration form offers encryption, and a call out over TLS is offered to the phone with"
    " encryption, through the relay if there is one.",
)
HOLD_IN_TURN: Final = RuleChange(
    6,
    "a hold waits for its turn",
    "With the engine telepathy, what the client wants of a hold is requested after the request before it has been taken"
    " up; the end of a hold also after the phone has resumed.",
)
EACH_REALM: Final = RuleChange(
    6,
    "each realm gets its answer",
    "A request of the SIP engine sip has an answer for each realm that asks for a login, to its topmost challenge; a"
    " nonce that is used again is counted, and one that is stale is replaced once.",
)
RELAY_ASKED_AGAIN: Final = RuleChange(
    7,
    "a relay that has lost its sessions is asked again",
    "Calls through a relay that was restarted or silent are offered to it once more, and no longer ended at once.",
)
CALLS_OUTLIVE_GATEWAY: Final = RuleChange(
    7,
    "calls outlive the gateway",
    "With the engine sip, calls go on after a restart of the gateway. What the phone or the relay may not have heard is"
    " sent again, and an INVITE that is repeated is not refused. A client that says that an acceptance is out of order"
    " stays in the call.",
)
PRESENCE_ASKED_AGAIN: Final = RuleChange(
    7,
    "an unanswered request for presence is repeated",
    "A user who has not answered that the gateway asks to see their presence is asked again after each outage of the"
    " XMPP stream, in place of a probe.",
)
CLIENTS_AWAITED: Final = RuleChange(
    7,
    "clients are awaited after an outage",
    "After an outage of the XMPP stream, a client of which nothing has been heard keeps its calls for a minute, and is"
    " asked and told again what it has missed. The account stays signed in for it.",
)
OWN_SERVER_ONLY: Final = RuleChange(
    8,
    "credentials go to the account's own server only",
    "With the engine sip, a challenge in a call is answered only in a realm of the account's registration, and only if"
    " it can be that of its own server. An ACK that goes elsewhere has no credentials.",
)
PASSWORD_AGAIN: Final = RuleChange(
    8,
    "another server wants the password again",
    "An account whose server or login is changed without entering the password is refused.",
)
CONTACTS_TOGETHER: Final = RuleChange(
    8,
    "all contacts are shown at once",
    "The presence of all contacts of a user is one command, and no longer one for each contact.",
)
REFUSED_AS_SILENT: Final = RuleChange(
    8,
    "a server that refuses connections is as one that is silent",
    "Only the text for people differs, so that no registration tells which ports of a server are open.",
)
TRIED_SOONER: Final = RuleChange(
    8,
    "an account that failed is tried again sooner",
    "For the first five minutes the pauses between attempts to register are at most eight seconds, and the user is not"
    " shown each attempt.",
)
EVERY_CONTENT_ANSWERED: Final = RuleChange(
    9,
    "every content has an answer",
    "A session-accept declines the contents that are not carried, a BUNDLE group is offered to clients that understand"
    " it, the first audio that can be used is carried, and a proposal with video is rejected.",
)
CODECS_AS_STANDARDIZED: Final = RuleChange(
    9,
    "codecs are what their RFCs say",
    "Opus is opus/48000/2 and the clock rate of G.722 is 8000, whatever an end says. A codec that cannot be named, or"
    " whose number is no payload type, is left out, and the offer that has it is no longer refused.",
)
STRANGERS_SHOWN: Final = RuleChange(
    9,
    "who is on no roster is shown to clients",
    "Presence that a client sends to a contact is answered with the contact's, a caller to whom the user has not"
    " subscribed is shown to a client before it is called, and both stay shown as long as the client is online.",
)
ICE_IN_ANY_STANZA: Final = RuleChange(
    9,
    "what ICE needs may come in any stanza",
    "Credentials, candidates and a fingerprint that come by transport-info count before the answer too, and are told to"
    " the relay with it. A client that has yet to name its credentials is waited for.",
)
JINGLE_REFUSALS: Final = RuleChange(
    9,
    "Jingle actions are refused as Jingle has it",
    "Contents and transports that a client wants to add or replace are acknowledged and rejected, an unknown content is"
    " not found, and a client that removes the audio has left.",
)
CANCEL_DECLINES: Final = RuleChange(
    9,
    "a called client that cancels declines",
    "The caller is told that the call was declined, and no other client rings any longer.",
)
TAKEN_BACK: Final = RuleChange(
    9,
    "a call that was taken back is not put through",
    "A session-initiate that follows a proposal which the client has taken back is ended at once.",
)
NUMBERS_AS_WRITTEN: Final = RuleChange(
    9,
    "numbers and names are read as people write them",
    "What is between the digits of a number is not dialled, and neither is another spelling of the account's domain. A"
    " URI that was typed as a JID is read as one, and an account's address may have parameters.",
)
CALLERS_ARE_CONTACTS: Final = RuleChange(
    9,
    "a caller is the contact of that address",
    "A caller has the JID that the user has on the roster for their address, or the short one at the account's own"
    " domain, and is named as they are called. A caller without an address keeps the name. Calls in that were in"
    " progress under another JID end.",
)
MORE_CODECS: Final = RuleChange(
    9,
    "the relay offers more codecs",
    "A phone is also offered G.722, opus and GSM, and a client G.722.",
)
NUMBERS_RESERVED: Final = RuleChange(
    9,
    "each end has its own numbers for codecs",
    "If an end answers with another payload type number than it was offered, the relay is offered the call again with"
    " this number reserved, before it is told the answer.",
)
CODECS_TOLD: Final = RuleChange(
    9,
    "a phone that lists other codecs is followed",
    "If a phone takes fewer of the agreed codecs in mid-call, or all of them again, the client of a direct call"
    " gets a description-info, and the relay a new offer.",
)
MISSED_CALLS: Final = RuleChange(
    9,
    "a call that the user has declined is not missed",
    "No message is left about a call that was declined, here or on another phone, or that gives way to the user's own."
    " The time of a missed call is the time stamp of its message. A called client that says that a call is over ends"
    " it.",
)
WHO_FAILED: Final = RuleChange(
    9,
    "a failure names who has spoken, or nobody",
    "Only texts for people differ, which quote the words of others and name the server that was asked; and in records,"
    " the gateway's own trouble is no longer the phone's, and a call that timed out before it rang has failed.",
)
CALLS_AT_A_TIME: Final = RuleChange(
    9,
    "a user with too many calls is told of the limit",
    "Only the text differs of the refusal of a call by a user who is in as many calls as allowed.",
)
SPEAKS_UP: Final = RuleChange(
    9,
    "users are told of a trouble of their account",
    "A message is sent when an account is refused, or has not been signed in for ten minutes, and when it works again.",
)
NICKS_TOLD: Final = RuleChange(
    9,
    "clients are told what strangers call themselves",
    "What comes first from a contact that is not on the roster has the name that a caller or writer gives themselves.",
)
MAILBOX_ASKED: Final = RuleChange(
    9,
    "the provider is asked about the mailbox",
    "With the engine sip, an account that is signed in subscribes to its mailbox for voice messages.",
)
ABILITIES_TOLD: Final = RuleChange(
    10,
    "phones are told that calls can be transferred",
    "Allow has REFER, and Supported has replaces and norefersub.",
)
TRANSFERS_FOLLOWED: Final = RuleChange(
    10,
    "a phone may transfer its call",
    "With the engine sip, a phone in a call is followed that asks for a transfer (REFER), or takes over a call (INVITE"
    " with Replaces).",
)
END_TO_END: Final = RuleChange(
    10,
    "a client and a phone with DTLS need no relay",
    "A call in with DTLS over ICE is put through, as is a call out of a client with DTLS where there is no relay. A"
    " client that names no candidate is waited for then.",
)
TRANSFERS_OFFERED: Final = RuleChange(
    10,
    "users are told that they can transfer calls",
    "Only texts differ: of the help, and of a call that has ended after four hours.",
)
MAILBOX_NAMED: Final = RuleChange(
    10,
    "the contact voicemail is the mailbox",
    "A call to the contact voicemail or mailbox of the gateway goes to the number that the provider has told.",
)
HEARD_ONCE_MORE: Final = RuleChange(
    10,
    "what a restart may have kept from an end is said again",
    "After a restart of the gateway, the relay is asked again for the ringing tone or its end, and a client is told"
    " again that it rings, or that video is taken or removed, if they have not answered. What an answer since has made"
    " void is not said again, nor what has been overtaken at the relay. The relay's reply about the tone belongs to the"
    " call.",
)
SILENCE_BORNE: Final = RuleChange(
    10,
    "a phone that does not respond in a call is asked again",
    "With the engine sip, an offer or refresh in a call that has no response is made again after ten seconds, and the"
    " call ends after the third in vain.",
)
DIRECTION_TAKEN_BACK: Final = RuleChange(
    10,
    "a phone that repeats a direction is asked again",
    "With the engine sip, a phone whose offer keeps to a hold that is over by then, or to another direction that is not"
    " wanted any more, is offered the wanted one once it has acknowledged the answer.",
)
CHANGES: Final[tuple[RuleChange, ...]] = (
    ALL_THAT_IS_DUE,
    END_AFTER_FAULT,
    LATE_REFUSAL,
    REFUSAL_OF_OVERTAKEN,
    PLAIN_SENTENCES,
    LATE_ANSWER,
    EVERY_PROPOSAL_ANSWERED,
    WAITING_ANSWER,
    IPV6_AUDIO,
    ENCRYPTED_AUDIO,
    HOLD_IN_TURN,
    EACH_REALM,
    RELAY_ASKED_AGAIN,
    CALLS_OUTLIVE_GATEWAY,
    PRESENCE_ASKED_AGAIN,
    CLIENTS_AWAITED,
    OWN_SERVER_ONLY,
    PASSWORD_AGAIN,
    CONTACTS_TOGETHER,
    REFUSED_AS_SILENT,
    TRIED_SOONER,
    EVERY_CONTENT_ANSWERED,
    CODECS_AS_STANDARDIZED,
    STRANGERS_SHOWN,
    ICE_IN_ANY_STANZA,
    JINGLE_REFUSALS,
    CANCEL_DECLINES,
    TAKEN_BACK,
    NUMBERS_AS_WRITTEN,
    CALLERS_ARE_CONTACTS,
    MORE_CODECS,
    NUMBERS_RESERVED,
    CODECS_TOLD,
    MISSED_CALLS,
    WHO_FAILED,
    CALLS_AT_A_TIME,
    SPEAKS_UP,
    NICKS_TOLD,
    MAILBOX_ASKED,
    TRANSFERS_OFFERED,
    MAILBOX_NAMED,
    ABILITIES_TOLD,
    TRANSFERS_FOLLOWED,
    END_TO_END,
    HEARD_ONCE_MORE,
    SILENCE_BORNE,
    DIRECTION_TAKEN_BACK,
)
