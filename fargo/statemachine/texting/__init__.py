"""Text messages between XMPP users and SIP addresses (RFC 3428, RFC 7572): `outbox` to SIP, `inbox` from there."""
