"""Commands for the tests of the adapter, as the core gives them."""

from typing import Any

from msgspec.structs import replace

from fargo.statemachine.media.description import Candidate, Codec, Content, Description, RawUdp
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest, SendResponse
from fargo.statemachine.model.sip_values import (
    Challenge,
    DigestCredentials,
    Endpoint,
    Hop,
    Identity,
    Party,
    RequestHead,
    Sdp,
)

PROVIDER = Endpoint("udp", "192.0.2.1", 5060)
OWN = "sip:alice@provider.example"
CALLEE = "sip:bob@provider.example"
TAG = "40.0-0123456789abcdef"
DESCRIPTION = Description("audio", (Codec(8, "PCMA", 8000),), RawUdp((Candidate(1, "192.0.2.10", 4000),)))
SDP = Sdp(Content("", description=DESCRIPTION))
CHALLENGE = Challenge("provider.example", "a nonce", qop=("auth",))
CREDENTIALS = DigestCredentials(CHALLENGE, "alice", "vault-1")

INVITE = SendRequest(
    dialog=None,
    method="INVITE",
    uri=CALLEE,
    call_id="call-of-ours",
    cseq=1,
    sender=Party(OWN, TAG, "Alice"),
    recipient=Party(CALLEE),
    hop=Hop("192.0.2.1"),
    contact=True,
    body=SDP,
)
REGISTER = SendRegister(
    connection=None,
    address=Identity(OWN),
    call_id="registration",
    cseq=1,
    tag="40.0-fedcba9876543210",
    hop=Hop("192.0.2.1"),
    expires=3600,
)


def in_dialog(method: str, **more: Any) -> SendRequest:
    """Return a request in the dialog that INVITE begins."""
    request = replace(
        INVITE,
        dialog="40.0",
        method=method,
        uri="sip:bob@192.0.2.1:5060",
        cseq=2,
        recipient=Party(CALLEE, "their-tag"),
        hop=None,
        contact=False,
        body=None,
    )
    return replace(request, **more)


def responding(head: RequestHead, status: int, phrase: str = "Phrase", **more: Any) -> SendResponse:
    """Return a response to a received request."""
    response = SendResponse("12.0-0123456789abcdef", head, status, phrase, "12.0-0123456789abcdef-0011223344556677")
    return replace(response, **more)
