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
    "The SIP server of {uri} does not answer, or is in trouble. If it stays so, check domain, proxy and port."
)
IN_USE: Final = "{uri} is in use by somebody else at this gateway. Use another SIP account."
UNUSABLE: Final = "The SIP side cannot use {uri} like this ({why}). Check the address and the proxy."
ENGINE_FAILED: Final = "The gateway's SIP part failed and is being started again."
PASSWORD_LOST: Final = "The password of {uri} is not on record. Register again."
UNKNOWN_ENGINE: Final = "This gateway has no SIP engine “{engine}”. Register your SIP account again."

# --- why a registration is refused

STILL_TRYING: Final = "Your last registration is still being tried; wait for its answer."
IN_CALL: Final = "You are in a call with this account: hang up first, then change it."
UNKNOWN_TRANSPORT: Final = "“{transport}” is not a transport of this gateway: use udp or tcp."
BAD_PORT: Final = "{port} is not a port: use a number from 1 to 65535, or leave it empty."
BAD_PROXY: Final = "The proxy is no host name: it should look like proxy.example.org, its port in a field of its own."
BAD_AUTH_USER: Final = "The authentication user contains a control character; write it without."
NO_PASSWORD: Final = "The password is missing."
CANCELLED: Final = "The registration was cancelled."
RESTARTED: Final = "The gateway was restarted. Try again."
STOPPING: Final = "The gateway is being stopped. Try later."

# --- why another request is refused

NO_ACCOUNT: Final = "You have no SIP account at this gateway."
NOT_REGISTERED: Final = "Register your SIP account with this gateway first."
