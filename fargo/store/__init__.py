"""What is kept on disk or in memory: the event log, the vault of passwords, and transient secrets."""
