"""Workers: the processes that a gateway is, if it is several, each with users of its own."""
