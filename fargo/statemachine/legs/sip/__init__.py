"""The SIP leg of a call, independent of the engine that carries it."""
