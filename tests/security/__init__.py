"""Attacks: each file is a point of docs/security.md, and each attack worked once."""
