"""Folding a log again, and comparing today's commands with the recorded ones."""
