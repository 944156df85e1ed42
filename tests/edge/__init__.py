"""Tests of the SIP edge: a real kamailio between scripted user agents inside and outside."""
