"""The sentences that this package writes for people, in the log or in stanzas.

A text with names in braces is a template: Twisted's logger fills in log messages, `str.format` everything else.
"""

from typing import Final

# --- for the operator, in the log

NO_STREAM_YET: Final = "{why} Fargo tries again."
STREAM_OPENED: Final = "The XMPP server has accepted the component {domain}."
STREAM_LOST: Final = "The stream to the XMPP server was lost: {why}"
SERVER_REPLIES: Final = "The XMPP server replies to a ping."
SERVER_SILENT: Final = "The XMPP server has been silent for {seconds} seconds. The stream to it is opened anew."
STREAM_BROKEN: Final = "The XMPP server has sent what is no XML, so the stream is opened anew: {why}"
STANZA_DROPPED: Final = "Dropped a malformed {kind}: {problem}"
SENDER_IMPOSSIBLE: Final = "Dropped a {kind}: no user can have its sender as an address"
STANZA_BUG: Final = "A bug: handling a stanza ({kind}) failed"
PASSWORD_NOT_STORED_LOG: Final = "Storing a password failed"
NO_EVENT_BUG: Final = "A bug: an event of {user} is lost"

# --- for the operator: why there is no stream, and what to do

NAME_UNKNOWN: Final = (
    "The XMPP server cannot be found: DNS has no IPv4 address for {server}. Correct the name in xmpp.server, or give "
    "an address there."
)
NAME_NOT_FOUND: Final = (
    "The XMPP server cannot be found: there is no IPv4 address for {server}, or no name server answers. Correct the "
    "name in xmpp.server or /etc/resolv.conf, or give an address in xmpp.server."
)
NAME_SERVER_SILENT: Final = (
    "The XMPP server cannot be found: no name server tells the address of {server} now. Correct /etc/resolv.conf, or "
    "give an address in xmpp.server."
)
NOTHING_LISTENS: Final = (
    "No XMPP server listens at {server} port {port}. Start it, open its port for components, or correct xmpp.server "
    "and xmpp.port."
)
SERVER_TIMED_OUT: Final = (
    "The XMPP server at {server} port {port} does not answer. Correct xmpp.server, start that machine, or let its "
    "firewall pass the gateway."
)
SERVER_UNREACHABLE: Final = "The XMPP server at {server} port {port} cannot be reached: {why}. Correct xmpp.server."
SERVER_MUTE: Final = (
    "{server} port {port} accepts the connection and then says nothing, so this may be no port for components. Correct "
    "xmpp.port, or restart the XMPP server."
)
CLOSED_AT_ONCE: Final = (
    "{server} port {port} ends the connection without a reason, so this may be no port for components. Correct "
    "xmpp.port, or see the log of the XMPP server."
)
NO_COMPONENT_PORT: Final = (
    "{server} port {port} is a port for XMPP clients or servers. Set xmpp.port to the server's port for components, "
    "which is often 5347."
)
TLS_PORT: Final = (
    "{server} port {port} expects TLS, so it is no port for components. Set xmpp.port to the server's port for "
    "components, which is often 5347."
)
HTTP_PORT: Final = (
    "A web server answers at {server} port {port}. Set xmpp.port to the server's port for components, which is often "
    "5347."
)
NO_XMPP_PORT: Final = (
    "What answers at {server} port {port} is no XMPP server. Correct xmpp.server and xmpp.port; the server's port for "
    "components is often 5347."
)
SECRET_REJECTED: Final = (
    "The XMPP server rejects the secret for {domain}. Give Fargo and the server the same secret. ejabberd also says "
    "this if its “hosts” lacks {domain}."
)
COMPONENT_UNKNOWN: Final = (
    "The XMPP server has no component {domain}. Add it to the server's configuration and restart the server, or "
    "correct xmpp.domain."
)
COMPONENT_TWICE: Final = (
    "The XMPP server has another connection for {domain}: a second gateway, or another component, uses this name. Stop "
    "it, or give one of them another name."
)
STREAM_ERROR: Final = "The XMPP server ends the stream of {domain} with an error ({why}). See the log of the server."

# --- for users, in stanza errors

DOMAIN_NOT_SERVED: Final = "This gateway does not serve users of {domain}."
USER_NOT_SERVED: Final = "This gateway does not serve {user}."
NOT_ONE_PAYLOAD: Final = "An IQ request must have exactly one child element."
BUG: Final = "The gateway has a bug. Its log has the details."
PASSWORD_NOT_STORED: Final = "The gateway could not store your password. Try again later."
NOT_SUPPORTED: Final = "This address does not support that request."
NO_SUCH_NODE: Final = "This address has no such node."
ENCRYPTED: Final = (
    "The gateway cannot read encrypted messages, so yours was not delivered. Turn encryption off in this chat."
)
NO_CONFERENCE: Final = (
    "Nobody at a phone can be invited to a group call, a conference or a chat room: a call of this gateway has two"
    " ends. Call the number by itself."
)
CALLS_ONLY: Final = "This gateway takes nothing but calls and text messages. Your message was not delivered."
TEXT_TOO_LONG: Final = "Your message is too long for SIP: it may have {most} bytes. It was not delivered."

# --- for the core, as the error of a command that could not be sent

NO_STREAM: Final = "There is no stream to the XMPP server."

# --- for users: why a stanza is malformed

TOO_LONG: Final = "{what} is longer than {limit} characters."
"""`what` is one of the next seven."""
ATTRIBUTE: Final = "The attribute “{name}” of <{element}/>"
NAMESPACE: Final = "The namespace of <{element}/>"
PAYLOAD_NAME: Final = "The name of the payload of the session-info"
REASON_NAME: Final = "The name of the reason"
FINGERPRINT: Final = "The fingerprint"
NUMBER_OR_ADDRESS: Final = "The number or SIP address"
NAME: Final = "The name"

MISSING_ATTRIBUTE: Final = "<{element}/> lacks the attribute “{name}”."
NOT_A_NUMBER: Final = "The attribute “{name}” of <{element}/> is not a number between 0 and {limit}."
NOT_A_CHOICE: Final = "“{value}” is not a valid value of the attribute “{name}” of <{element}/>."
TOO_MANY: Final = "<{element}/> has more than {limit} <{name}/> elements."
MORE_THAN_ONE: Final = "<{element}/> has more than one <{name}/> element."
UNKNOWN_ACTION: Final = "“{action}” is not a Jingle action."
NO_CONTENT: Final = "The {action} has no content."
NOT_A_TONE: Final = "The code of <dtmf/> is not one of 0 to 9, *, # and A to D."
UNKNOWN_MESSAGE: Final = "“{name}” is not an element of Jingle Message Initiation."
NOT_ONE_MESSAGE: Final = "The message has more than one element of Jingle Message Initiation."
NOT_A_CLIENT: Final = "A message about a proposed call must come from a full JID."

# --- for users: registration

FORM_FIELD: Final = "A field of the form"
PLAIN_FIELD: Final = "The field “{name}”"
TOO_MANY_FIELDS: Final = "The form has more than {limit} fields."
FORM_UNREADABLE: Final = "The form cannot be read: a field occurs twice, or an option has no value."
FORM_NOT_SUBMITTED: Final = "The form was not submitted, so nothing has changed."
BAD_PORT: Final = "The port must be a number between 1 and 65535, or empty."
BAD_SRTP: Final = "The encryption of audio must be off, optional or required, or empty."
BAD_TRANSPORT: Final = "The transport must be udp, tcp or tls, or empty."

FORM_TITLE: Final = "SIP account"
FORM_INSTRUCTIONS: Final = (
    "Enter your SIP address (for example alice@example.net) and its password. The gateway signs in to your SIP "
    "account whenever you are online, so that you can make and receive calls."
)
FORM_OPTIONAL_FIELDS: Final = "Leave the other fields empty unless your SIP provider has told you what to enter."
FORM_ADDRESS: Final = "SIP address"
FORM_PASSWORD: Final = "Password"
FORM_AUTH_USER: Final = "User name for authentication, if it differs from the SIP address"
FORM_PROXY: Final = "Proxy, if it differs from the domain of the SIP address"
FORM_PORT: Final = "Port, if it is not the default"
FORM_COUNTRY: Final = "Country in which numbers without + are dialled, such as {country}"
FORM_COUNTRY_EXAMPLE: Final = "Country in which numbers without + are dialled, such as {country} for {number}"
FORM_TRANSPORT: Final = "Transport"
FORM_TRANSPORT_ANY: Final = "As the SIP provider specifies"
FORM_TRANSPORT_UDP: Final = "UDP"
FORM_TRANSPORT_TCP: Final = "TCP"
FORM_TRANSPORT_TLS: Final = "TLS"
FORM_SRTP: Final = "Encryption of audio (SRTP), over TLS only"
FORM_SRTP_OFF: Final = "Never"
FORM_SRTP_OPTIONAL: Final = "If the other end supports it"
FORM_SRTP_REQUIRED: Final = "Always: calls without it fail"

# --- for users: ad-hoc commands

COMMANDS: Final = "Commands"
COMMAND_REGISTER: Final = "Register a SIP account, or change it"
COMMAND_UNREGISTER: Final = "Remove the SIP account"
COMMAND_STATUS: Final = "Show the status"
COMMAND_CALLS: Final = "Show the latest calls"
COMMAND_TRANSFER: Final = "Transfer the call"
COMMAND_CALL: Final = "Call a number"
COMMAND_KEEP: Final = "Keep a contact"
COMMAND_RULES: Final = "Dial rules"
COMMAND_BUSY: Final = "Do not disturb"
COMMAND_STAY: Final = "Stay signed in without a client"
COMMAND_FORWARD: Final = "Forward calls"
COMMAND_HANG_UP: Final = "End all calls"
MALFORMED_ACTION: Final = "That is no action of an ad-hoc command."
NO_SESSION_YET: Final = "The command has not begun. Execute it first."
NO_SUCH_SESSION: Final = "That is no session of this command. Execute it anew."
NO_SUCH_ACTION: Final = "The command cannot do that now."
FORM_MISSING: Final = "The form is missing."
NO_RULE_NUMBER: Final = "Name the rule to delete by its number, such as 1."
NO_ADDRESS: Final = "That is neither a number nor a SIP address."
NO_NUMBER_TO_TRY: Final = "That is no telephone number, so it cannot be tried."
NOT_A_FLAG: Final = "The field “{name}” must be true or false."

# --- for admins

ADMIN_HELP: Final = """\
admin users: the users with the states of their accounts
admin failures: the latest calls that have failed
admin announce TEXT: a message to all users who are online
admin announce all: TEXT: a message to all users
admin remove USER yes: removes a user (a JID) with everything that is kept
admin drain: no new calls begin, so that the gateway can be restarted without ending any
admin drain off: new calls can begin again"""
ADMIN_USERS: Final = "List the users"
ADMIN_FAILURES: Final = "List the latest failures"
ADMIN_ANNOUNCE: Final = "Announce something"
ADMIN_ANNOUNCE_HELP: Final = "All users get this as a message of the gateway, in {limit} characters at most."
ADMIN_TEXT: Final = "Text"
ADMIN_EVERYONE: Final = "Also to users who are offline"
ADMIN_REMOVE: Final = "Remove a user"
ADMIN_REMOVE_HELP: Final = "This ends the calls of the user, and erases account, password and log."
ADMIN_USER: Final = "User (JID)"
ADMIN_SURE: Final = "Yes, remove this user"
ADMIN_DRAIN: Final = "Drain the gateway"
ADMIN_DRAIN_HELP: Final = (
    "No new calls begin, and those that go on are not ended: so the gateway can be restarted without ending any. After "
    "the restart calls begin again."
)
ADMIN_TAKE_NONE: Final = "Take no new calls"
ADMIN_NOT_FILLED: Final = "Fill in the form, and confirm what has to be confirmed."

# --- for users: the prompt of the gateway protocol (XEP-0100 §6.3)

GATEWAY_NAME: Final = "Telephones at {domain}"
GATEWAY_DESCRIPTION: Final = "A gateway to SIP: add a number as a contact here, and call it. Write “help” to it."
PROMPT_DESCRIPTION: Final = (
    "Enter the telephone number or SIP address of the person you want to call, such as {number}."
)
PROMPT: Final = "Number or SIP address"
