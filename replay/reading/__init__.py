"""Reading a log: its entries folded again, the calls in it, and finding one by its name."""
