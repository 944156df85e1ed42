"""The fold on a recorded log: verified, or shown step by step. It imports the state machine and the log, no more."""
