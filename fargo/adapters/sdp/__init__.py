"""Session descriptions (SDP, RFC 4566) to values and back, as the relay and SIP need them."""
