"""Messages for the tests of the wire syntax."""

from fargo.adapters.sip.wire.message import SipRequest, SipResponse, parse

INVITE = b"""INVITE sip:1a2b3c4d.12.0_0123456789abcdef@192.0.2.9:5060;line=1a2b3c4d.12.0 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK1d32.b7c3f3f0b2a0b8b2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;received=192.0.2.1;rport=5060;branch=z9hG4bK74bf9
Record-Route: <sip:192.0.2.1;lr;ftag=9fxced76sl>
Max-Forwards: 69
From: "Bob" <sip:bob@biloxi.example.com>;tag=9fxced76sl
To: <sip:alice@atlanta.example.com>
Call-ID: 3848276298220188511@biloxi.example.com
CSeq: 1 INVITE
Contact: <sip:bob@198.51.100.4:5060;transport=udp>
User-Agent: Phone 1.2
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, NOTIFY, REFER
Supported: 100rel, timer, replaces
Session-Expires: 1800;refresher=uac
Min-SE: 90
P-Asserted-Identity: "Bob" <sip:+4930123@biloxi.example.com>, <tel:+4930123>
X-Fargo-From: udp:192.0.2.1:5060;at=192.0.2.9:5060;boot=1
X-Fargo-Key: 0123456789abcdef0123456789abcdef
Content-Type: application/sdp
Content-Length: 135

v=0
o=- 1 1 IN IP4 198.51.100.4
s=-
c=IN IP4 198.51.100.4
t=0 0
m=audio 49172 RTP/AVP 0 8 101
a=rtpmap:101 telephone-event/8000
""".replace(b"\n", b"\r\n")


def request(data: bytes) -> SipRequest:
    found = parse(data)
    assert isinstance(found, SipRequest)
    return found


def response(data: bytes) -> SipResponse:
    found = parse(data)
    assert isinstance(found, SipResponse)
    return found


def options(*lines: str, **instead: str) -> SipRequest:
    """Return an OPTIONS with further header lines, and with other values of its own (``from_`` for From)."""
    values = {
        "via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "from_": "<sip:a@example.com>;tag=1",
        "to": "<sip:b@example.com>",
        "call_id": "1",
        "cseq": "1 OPTIONS",
        "uri": "sip:x@example.com",
        **instead,
    }
    head = [
        f"OPTIONS {values['uri']} SIP/2.0",
        f"Via: {values['via']}",
        f"From: {values['from_']}",
        f"To: {values['to']}",
        f"Call-ID: {values['call_id']}",
        f"CSeq: {values['cseq']}",
        *lines,
    ]
    return request("\r\n".join([*head, "", ""]).encode())
