"""The SIP of the load's far side: texts with places to fill, and headers that are found without parsing the rest.

Nothing that the gateway writes needs more: it folds no lines and uses no compact forms.
"""

import re

_HEADER = rb"(?im)^%s[ \t]*:[ \t]*([^\r\n]*)"
_PATTERNS = {name: re.compile(_HEADER % name) for name in (b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Expires")}
_COPIED = re.compile(rb"(?im)^(?:Via|Record-Route)[ \t]*:[^\r\n]*\r\n")
_PLACE = re.compile(rb"sips?:(?:[^@>;\s]*@)?([\d.]+):(\d+)")
_USER = re.compile(rb"sips?:([^@>;\s]*)@")


def header(name: bytes, message: bytes) -> bytes:
    """Return the first header of this name, empty if there is none."""
    found = _PATTERNS[name].search(message)
    return found[1] if found else b""


def user(address: bytes) -> bytes:
    """Return the user in an address, empty if there is none."""
    found = _USER.search(address)
    return found[1] if found else b""


def uri(contact: bytes) -> bytes:
    """Return the URI in a Contact."""
    return contact.partition(b"<")[2].partition(b">")[0] or contact


def place(contact: bytes) -> tuple[str, int]:
    """Return the IPv4 address and port in a URI. Raises ValueError if it has none."""
    found = _PLACE.search(contact)
    if not found:
        raise ValueError(f"no address and port in {contact.decode()}")
    return found[1].decode(), int(found[2])


def response(request: bytes, status: bytes, more: bytes = b"", body: bytes = b"") -> bytes:
    """Return a response. The tag is the same in all responses to a call, so a repeated request gets the same one."""
    to, id = header(b"To", request), header(b"Call-ID", request)
    tag = b"" if b";tag=" in to or status.startswith(b"100") else b";tag=far"
    return b"SIP/2.0 %s\r\n%sFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n%sContent-Length: %d\r\n\r\n%s" % (
        *(status, b"".join(_COPIED.findall(request)), header(b"From", request), to, tag, id),
        *(header(b"CSeq", request), more, len(body), body),
    )


CHALLENGE = b'%s-Authenticate: Digest realm="%s", nonce="of-the-load", algorithm=MD5, qop="auth"\r\n'
REQUEST = b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n\
Call-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:phone@%s>\r\n%sContent-Length: %d\r\n\r\n%s"
SDP_TYPE = b"Content-Type: application/sdp\r\n"
SDP = b"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 41000 RTP/AVP 0 101\r\n\
a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
