"""The operator's view of a running gateway: its state in numbers, and commands about its users."""
