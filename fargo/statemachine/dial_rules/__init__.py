"""Dial rules: what users and the operator want to become of numbers, in sed's language."""
