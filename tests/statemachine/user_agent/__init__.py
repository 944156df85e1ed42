"""Calls of our own SIP user agent."""
