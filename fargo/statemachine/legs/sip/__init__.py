"""The SIP leg of a call, whichever engine it is carried by."""
