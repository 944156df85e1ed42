"""The SIP edge under test: a real kamailio between scripted user agents on both of its faces."""
