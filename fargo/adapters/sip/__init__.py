"""The SIP adapter: SIP messages to events, commands to SIP messages (RFC 3261). It talks to the SIP edge only."""
