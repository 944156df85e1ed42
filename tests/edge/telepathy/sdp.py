"""Session descriptions for the tests (RFC 4566)."""

AUDIO = "m=audio 4000 RTP/AVP 0 8"
VIDEO = "m=video 5000 RTP/AVP 96 97"
NO_VIDEO = "m=video 0 RTP/AVP 96"


def sdp(*media: str, ip: str = "127.0.0.4") -> str:
    """Return a session with these media lines (default: one audio line). Each may have attribute lines after it."""
    session = ["v=0", f"o=- 7 7 IN IP4 {ip}", "s=-", f"c=IN IP4 {ip}", "t=0 0"]
    return "\r\n".join([*session, *(media or (AUDIO,)), ""])


def shown(*own: str, port: int = 4000, ip: str = "127.0.0.4") -> str:
    """Return the session that rakia sees for one audio line with its own attribute lines.

    The connection address belongs to the media line, and encodes the port.
    """
    where = f"c=IN IP4 {ip}/{port // 256}/{port % 256}"
    session = ["v=0", "o=- 7 7 IN IP4 127.0.0.4", "s=-", "t=0 0"]
    return "\r\n".join([*session, f"m=audio {port} RTP/AVP 0 8", where, *own, ""])


def lines(body: str) -> list[str]:
    return body.split("\r\n")[:-1]
