"""The gateway as somebody to talk to: its answers to what users ask of it."""
