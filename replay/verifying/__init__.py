"""Folding a log again and comparing the commands with those recorded."""
