"""Session descriptions for the tests (RFC 4566)."""

AUDIO = "m=audio 4000 RTP/AVP 0 8"
VIDEO = "m=video 5000 RTP/AVP 96 97"
NO_VIDEO = "m=video 0 RTP/AVP 96"


def sdp(*media: str, ip: str = "127.0.0.4") -> str:
    """A session with these m-lines, or with one audio line; each may bring lines of its own after a line break."""
    session = ["v=0", f"o=- 7 7 IN IP4 {ip}", "s=-", f"c=IN IP4 {ip}", "t=0 0"]
    return "\r\n".join([*session, *(media or (AUDIO,)), ""])


def lines(body: str) -> list[str]:
    return body.split("\r\n")[:-1]
