"""What the operator of a running gateway is told and can do: its state in numbers, and commands about its users."""
