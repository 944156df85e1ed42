"""Invariants of SIP that no broken core of these tests breaks: the watch would see it."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event, Recorded, Restarted, TimePassed
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipResponseReceived,
)
from fargo.statemachine.model.sip_values import Party, RequestHead, Sdp

from .broken import Broken
from .sip_invariants import SipWatch
from .values import REGISTRAR, USER

Told = tuple[Event, tuple[Command, ...]]
PHONE = Party("sip:bob@sip.test", "phone")
INVITE = SendRequest("1.0", "INVITE", PHONE.uri, "call", 1, Party("sip:alice@sip.test", "ours"), PHONE, body=Sdp(None))
AGAIN = replace(INVITE, cseq=2)
INFO = replace(INVITE, method="INFO", cseq=2, body=None)
BYE = replace(INFO, method="BYE")
CANCEL = replace(INVITE, method="CANCEL", body=None, cancels="1.0")
ACK = replace(INVITE, method="ACK", body=None)
ANSWERED = SipResponseReceived("1.0", "1.0", "INVITE", 200, "OK", REGISTRAR, "phone")
HEAD = RequestHead("BYE", INVITE.uri, ("via",), "from", "to", "call", 1)
HANGS_UP = SipRequestReceived("1.0", HEAD, REGISTRAR, "phone")
OK = SendResponse("1.0", HEAD, 200, "OK")
OFFERS = replace(HANGS_UP, head=replace(HEAD, method="UPDATE"), body=Sdp(None))
TAKES = replace(OK, head=OFFERS.head, body=Sdp(None))
NOTHING = TimePassed()


def judge(*told: Told) -> None:
    watch = SipWatch()
    for version, (event, commands) in enumerate(told, 1):
        issued = (Issued(USER, f"{version}.{place}", command) for place, command in enumerate(commands))
        watch = watch.judge(Recorded(USER, version, 0.0, event), tuple(issued))


def test_a_call_and_its_end_are_well() -> None:
    judge((NOTHING, (INVITE,)), (ANSWERED, (ACK, INFO)), (HANGS_UP, (OK,)))


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (((HANGS_UP, ()),), "a request in a dialog is answered at once"),
        (((HANGS_UP, (OK, replace(OK, status=481))),), "a request has one final response"),
        (((NOTHING, (OK,)),), "only what was asked is answered"),
        (((NOTHING, (INVITE, replace(INFO, cseq=1))),), "the numbers of requests in a dialog go up"),
        (((NOTHING, (INVITE, replace(ACK, cseq=2))),), "an ACK has the number of its INVITE"),
        (((NOTHING, (INVITE,)), (ANSWERED, (CANCEL,))), "only an INVITE that has no final response is cancelled"),
        (((NOTHING, (INVITE, replace(AGAIN, repeats="1.0"))),), "what is sent again is the same as before"),
        (((NOTHING, (INVITE, AGAIN)),), "offers do not overlap"),
        (((NOTHING, (INVITE,)), (OFFERS, (TAKES,))), "no offer is taken while ours has no answer"),
        (((HANGS_UP, (OK, INFO)),), "in a dialog that has ended there is only BYE"),
        (((NOTHING, (BYE, replace(INFO, cseq=3))),), "in a dialog that has ended there is only BYE"),
        (((Restarted(), (INVITE,)),), "a restart begins nothing"),
        (((EdgeRestarted(), (INVITE,)),), "a restart begins nothing"),
    ],
)
def test_what_is_no_sip_is_seen(told: tuple[Told, ...], what: str) -> None:
    with pytest.raises(Broken, match=what):
        judge(*told)
