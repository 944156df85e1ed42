"""Methods and extensions that our own user agent (the engine "sip") understands, in a call and outside."""

from typing import Final

ALLOW: Final = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER")
"""The methods. MESSAGE is taken, too, and NOTIFY outside a call."""
SUPPORTED: Final = ("100rel", "timer", "replaces", "norefersub")
"""The extensions: RFC 3262, RFC 4028, RFC 3891, RFC 4488."""
