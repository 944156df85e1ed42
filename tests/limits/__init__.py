"""The limits before the log."""
