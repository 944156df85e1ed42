"""The SIP account: its registration with the gateway, its connection, and the roster that goes with it."""
