"""SDP to values and back."""
