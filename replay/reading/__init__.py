"""Reading a log: its entries as steps, and the calls in it."""
