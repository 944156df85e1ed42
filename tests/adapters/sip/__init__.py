"""The SIP adapter."""
