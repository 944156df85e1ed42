"""Session descriptions for the tests (RFC 4566)."""

AUDIO = "m=audio 4000 RTP/AVP 0 8"
VIDEO = "m=video 5000 RTP/AVP 96 97"
NO_VIDEO = "m=video 0 RTP/AVP 96"


def sdp(*media: str, ip: str = "127.0.0.4") -> str:
    """A session with these m-lines, or with one audio line; each may bring lines of its own after a line break."""
    session = ["v=0", f"o=- 7 7 IN IP4 {ip}", "s=-", f"c=IN IP4 {ip}", "t=0 0"]
    return "\r\n".join([*session, *(media or (AUDIO,)), ""])


def shown(*own: str, port: int = 4000, ip: str = "127.0.0.4") -> str:
    """What rakia sees of a session with one audio line and lines of its own: its address stands with the line, and has
    the port in it.
    """
    where = f"c=IN IP4 {ip}/{port // 256}/{port % 256}"
    session = ["v=0", "o=- 7 7 IN IP4 127.0.0.4", "s=-", "t=0 0"]
    return "\r\n".join([*session, f"m=audio {port} RTP/AVP 0 8", where, *own, ""])


def lines(body: str) -> list[str]:
    return body.split("\r\n")[:-1]
