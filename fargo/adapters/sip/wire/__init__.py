"""The syntax of SIP messages: bytes to values and back, without a decision or a side effect."""
