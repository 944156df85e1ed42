"""The values that are logged: events, commands, and their parts."""
