"""An end that is left without an address for audio is told so, and is not taken to be on hold."""

import pytest

from fargo.statemachine.legs.user_agent import offer_answer
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    IceUdp,
    MediaProfile,
    RawUdp,
    RefusedAddress,
    Transport,
    Unreachable,
    is_cut_off,
)
from fargo.statemachine.media.offer import Audio, audio
from fargo.statemachine.media.texts import CLIENT_UNREACHABLE, NO_ADDRESS
from fargo.statemachine.model.sip_values import Sdp
from fargo.statemachine.reason import Cause, Reason

RTP, RTCP = Candidate(1, "8.8.8.8", 17000), Candidate(2, "8.8.8.8", 17001)
NO_RTP = RefusedAddress(1, "127.0.0.1", 17000, Unreachable.LOOPBACK)
NO_RTCP = RefusedAddress(2, "127.0.0.1", 17001, Unreachable.LOOPBACK)
NAME = RefusedAddress(1, "alice.local", 17000, Unreachable.NO_ADDRESS)
TCP = RefusedAddress(1, "8.8.8.8", 9, Unreachable.NOT_UDP)
HOLD = Candidate(1, "0.0.0.0", 17000)


def described(transport: Transport) -> Description:
    return Description("audio", (Codec(0, "PCMU", 8000),), transport)


@pytest.mark.parametrize(
    ("transport", "cut_off"),
    [
        (RawUdp((RTP,)), False),
        (RawUdp((RTP,), (NO_RTP, NO_RTCP)), False),
        (RawUdp((), (NO_RTP,)), True),
        (RawUdp((RTCP,), (NO_RTP,)), True),
        (RawUdp((), (NO_RTCP,)), False),
        (RawUdp((HOLD,), (NO_RTCP,)), False),
        (RawUdp((), (NAME,)), False),
        (IceUdp("u", "p", (RTP,), refused=(NO_RTP,)), False),
        (IceUdp("u", "p", (), refused=(NO_RTP,)), True),
        (IceUdp("u", "p", (RTCP,), refused=(NO_RTP,)), True),
        (IceUdp("u", "p", (), refused=(NAME, TCP)), False),
        (IceUdp("u", "p"), False),
    ],
)
def test_an_end_is_cut_off_if_nothing_is_left_for_rtp(transport: Transport, cut_off: bool) -> None:
    assert is_cut_off(described(transport)) is cut_off


def test_a_client_is_told_why_it_cannot_call() -> None:
    for transport in (RawUdp((), (NO_RTP,)), IceUdp("u", "p", (), refused=(NO_RTP,))):
        assert audio((Content("voice", description=described(transport)),)) == Reason(
            Cause.TRANSPORT, CLIENT_UNREACHABLE
        )
    assert audio((Content("voice", description=described(RawUdp())),)) == Reason(Cause.TRANSPORT, NO_ADDRESS)


def test_a_client_that_hides_its_addresses_may_still_call() -> None:
    found = audio((Content("voice", description=described(IceUdp("u", "p", (), refused=(NAME, TCP)))),))
    assert isinstance(found, Audio)
    assert found.profile is MediaProfile.ICE


def test_a_phone_without_an_address_is_on_hold_only_if_it_says_so() -> None:
    on_hold = Sdp(Content("", description=described(RawUdp((HOLD,)))))
    refused = Sdp(Content("", description=described(RawUdp((), (NO_RTP,)))))
    assert offer_answer.usable(on_hold)
    assert not offer_answer.is_unreachable(on_hold)
    assert offer_answer.usable(refused) is None
    assert offer_answer.is_unreachable(refused)
