"""Exporting a call from a log, under pseudonyms or with its names."""
