"""The SIP leg as our own SIP user agent has it (RFC 3261)."""
