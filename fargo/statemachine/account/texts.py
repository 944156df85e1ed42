"""The sentences that the SIP account writes for people. They are part of commands, and so of every log.

A text with names in braces is a template for `str.format`; ``uri`` is the account's SIP URI.
"""

from typing import Final

# --- the state of the account

SIGNED_IN: Final = "Signed in as {uri}."
SIGNING_IN: Final = "Signing in as {uri}."
SIGNED_OUT: Final = "Signed out of {uri}."
CHANGING: Final = "Trying your changed SIP account."
RETRYING: Final = "{problem} Trying again soon."

# --- why the account is not signed in

CREDENTIALS_REFUSED: Final = "{domain} refused the user name or password of {uri}. Check both and register again."
SERVER_UNREACHABLE: Final = (
    "The SIP server of {uri} is not responding or is failing. If this continues, check the domain, proxy and port."
)
IN_USE: Final = "{uri} is already used by someone else at this gateway. Use another SIP account."
UNUSABLE: Final = "The gateway cannot use {uri} with these settings ({why}). Check the address and the proxy."
ENGINE_FAILED: Final = "The gateway's SIP service failed and is being restarted."
PASSWORD_LOST: Final = "The gateway no longer has the password of {uri}. Register again."

# With our own user agent. ``server``: the account's server. ``said``: what it said, as `SAID` puts it.
SAID: Final = "“{words}” ({status})"
SAID_NOTHING: Final = "no reason given ({status})"
LOGIN_REFUSED: Final = "{server} refused the user name or password of {uri}: {said}. Check both and register again."
LOGIN_UNSUPPORTED: Final = "{server} asks for a login in a way that this gateway does not support: {said}."
REGISTRAR_REFUSES: Final = (
    "{server} refused to register {uri}: {said}. Check the account and its address, or ask the provider."
)
REGISTRAR_FAILS: Final = "{server} did not register {uri}: {said}."
REDIRECTED: Final = (
    "{server} refers {uri} to another server: {said}. If the provider says so, enter that server as the proxy."
)
NOT_KEPT: Final = "{server} accepted {uri}, but did not keep it registered."
ASKS_TO_WAIT: Final = "{problem} It asks to wait for {seconds} seconds."
NO_SUCH_SERVER: Final = "The SIP server {server} of {uri} does not exist. Check the domain and the proxy."
NAMES_SILENT: Final = "The address of the SIP server {server} cannot be found out: no name server is responding."
SERVER_SILENT: Final = (
    "The SIP server {server} of {uri} is not responding. If this continues, check the domain, proxy and port."
)
CERTIFICATE_INVALID: Final = (
    "The SIP server {server} of {uri} is not trusted, as its TLS certificate is not valid: {why}."
)
NO_DETAILS: Final = "no details known"

UNKNOWN_ENGINE: Final = "This gateway has no SIP engine “{engine}”. Register your SIP account again."

# --- answers in words

REGISTERED: Final = "Registered. Signed in as {uri}."
REMOVED: Final = "Your SIP account is removed here."
DELETE_PASSWORD: Final = "Delete your message with the password now, in all your clients."

# --- why a registration is refused

STILL_TRYING: Final = "Your previous registration is still in progress. Wait for its answer."
IN_CALL: Final = "You are in a call with this account. Hang up first, then change it."
UNKNOWN_TRANSPORT: Final = "This gateway does not support the transport “{transport}”. Use {transports}."
SRTP_NEEDS_TLS: Final = (
    "This gateway can encrypt audio (SRTP) only if it reaches your SIP provider over TLS. Choose TLS as the transport,"
    " or do not require encryption."
)
BAD_PORT: Final = "{port} is not a valid port. Use a number from 1 to 65535, or leave the field empty."
BAD_PROXY: Final = "The proxy is not a valid host name. It should look like proxy.example.org."
BAD_SERVER: Final = "The proxy is not a valid host name or address. It should look like proxy.example.org."
TWO_PORTS: Final = "The proxy contains another port than the field for the port. Leave one of them out."
BAD_AUTH_USER: Final = "The authentication user contains a control character. Remove it."
BAD_COUNTRY: Final = "“{country}” is not the code of a country. It should look like GB."
SIPS_NEEDS_TLS: Final = (
    "A sips address is reached over TLS only. Choose TLS as the transport, or write sip in its place."
)
NO_PASSWORD: Final = "The password is missing."
PASSWORD_AGAIN: Final = "Enter the password again, as the account or its server changes."
CANCELLED: Final = "The registration was cancelled."
RESTARTED: Final = "The gateway was restarted. Try again."
STOPPING: Final = "The gateway is shutting down. Try again later."

# --- why another request is refused

NO_ACCOUNT: Final = "You have no SIP account at this gateway."
NOT_REGISTERED: Final = "Register your SIP account with this gateway first."

# --- what an account waits for until a deadline

CLIENT_ONLINE: Final = "a client to come online"
REGISTRAR_ANSWER: Final = "the registrar's answer"
END_OF_CONNECTION: Final = "signing out"
NEXT_ATTEMPT: Final = "the next attempt to sign in"
RENEWAL: Final = "the registration to be renewed"
REMOVAL: Final = "the registration to be removed"
PRESENCE: Final = "presence of {jid}"
