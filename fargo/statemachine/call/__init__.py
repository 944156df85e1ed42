"""A call, and what passes between its legs."""
