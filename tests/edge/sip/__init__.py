"""Tests of the edge of our own user agent: a real kamailio between a scripted gateway and scripted agents outside."""
