"""T.38 (RFC 3362) is refused so that the far end goes on with audio."""

import pytest

from fargo.statemachine.legs.user_agent.texts import OFFER_OF_FAX
from fargo.statemachine.model.commands import InitiateSession
from fargo.statemachine.model.sip_values import Sdp

from ..story import PCMU
from .phone import NO_AUDIO, Phoning, sdp

ONLY_FAX = Sdp(None, ("image 5004 udptl t38",))
IN_PLACE_OF_AUDIO = Sdp(None, ("audio 0 RTP/AVP 0", "image 5004 udptl t38"))
BESIDE_AUDIO = ("audio 5000 RTP/AVP 0", "image 5004 udptl t38")


@pytest.mark.parametrize("offer", [ONLY_FAX, IN_PLACE_OF_AUDIO])
def test_a_call_with_nothing_but_fax_is_refused(offer: Sdp) -> None:
    story = Phoning()
    story.invites(offer)
    assert story.statuses == [488]
    assert story.response(488).headers.warning[0].text == OFFER_OF_FAX
    assert story.ended.text == OFFER_OF_FAX


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("offer", [ONLY_FAX, IN_PLACE_OF_AUDIO])
def test_a_change_to_fax_is_refused_and_the_call_goes_on_with_audio(method: str, offer: Sdp) -> None:
    story = Phoning().talking()
    before = story.confirmed.session
    story.sends(method, offer)
    assert story.statuses == [488]
    assert story.response(488).headers.warning[0].text == OFFER_OF_FAX
    assert story.confirmed.session == before
    assert not story.ends()


def test_fax_beside_audio_is_left_out() -> None:
    story = Phoning()
    story.invites(sdp(PCMU, media=BESIDE_AUDIO))
    assert story.all(InitiateSession)
    story.accepts()
    answer = story.response(200).body
    assert isinstance(answer, Sdp)
    assert (answer.media, answer.place) == (BESIDE_AUDIO, 0)  # which is written with port 0
    story.acknowledges()
    story.sends("INVITE", sdp(PCMU, media=BESIDE_AUDIO))
    assert story.statuses == [200]


def test_no_audio_and_no_fax_has_another_reason() -> None:
    story = Phoning().talking()
    story.sends("INVITE", NO_AUDIO)
    assert story.response(488).headers.warning[0].text != OFFER_OF_FAX
