"""The set-up of a new gateway: its configuration with comments, and the lines for the servers around it."""
