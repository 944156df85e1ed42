"""Showing a call to people: as a ladder, step by step, and as data for a page."""
