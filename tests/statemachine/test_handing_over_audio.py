"""The audio of calls that the user transfers: through the relay, encrypted, and of phones that hold."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import texts
from fargo.statemachine.call.texts import BEHIND_NAT
from fargo.statemachine.media.description import Candidate, Senders, Srtp
from fargo.statemachine.model.commands import TerminateSession
from fargo.statemachine.model.ng import AnswerRelay, DeleteRelay
from fargo.statemachine.model.sip_values import Sdp, SipHeaders

from .forwarding import AT_TARGET, ELSEWHERE, media, place
from .relayed import PHONE_OFFER
from .story import PCMA, PCMU
from .transferring import HandingOver
from .user_agent.encrypting import CHOSEN, SECURE, Encrypting
from .user_agent.phone import sdp


class Encrypted(Encrypting, HandingOver):
    """A user who transfers a call that the relay encrypts."""


@pytest.mark.parametrize("srtp", ["required", "optional"])
def test_phones_get_the_keys_of_each_other(srtp: Srtp) -> None:
    story = Encrypted(srtp)
    story.talks()
    story.transfers()
    offer = media(story.now("INVITE").body)
    assert (offer.crypto, offer.encryption_required) == (CHOSEN, True)
    of_target = replace(CHOSEN[0], key="target-2")
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET, crypto=(of_target,), required=True))
    moved = media(story.now("INVITE").body)
    assert (moved.crypto, place(story.now("INVITE").body)) == ((of_target,), ("127.0.0.5", 7000))
    story.responds_to("bob", 200, story.phone_sdp(*CHOSEN))
    assert story.the(TerminateSession).condition == "success"
    assert story.all(DeleteRelay)


def test_a_number_that_answers_without_encryption_is_not_joined() -> None:
    story = Encrypted()
    story.talks()
    story.transfers()
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    assert ("still in it" in story.said[0], story.now("BYE").recipient.tag) == (True, "target")


def test_an_encrypted_call_is_not_joined_with_one_that_is_not() -> None:
    story = Encrypted("optional", over=SECURE)
    for sid, to, crypto in (("s1", "bob", CHOSEN), ("s2", "carol", ())):
        story.calls(to=f"{to}@sip.localhost/fargo", sid=sid)
        story.relay_offers()
        story.answers(story.phone_sdp(*crypto), remote_tag=to)
        story.described(AnswerRelay, PHONE_OFFER)
    assert story.transfers(None) == texts.NO_AUDIO_IN_COMMON


LEARNT = (Candidate(1, "127.0.0.5", 7000, hidden=True),)
"""The operator says that packets come from elsewhere."""
INSIDE = (Candidate(1, "10.0.0.5", 7000, hidden=True), Candidate(2, "10.0.0.5", 7001, hidden=True))


@pytest.mark.parametrize("refers", [False, True])
def test_phones_that_would_not_hear_each_other_are_not_joined(refers: bool) -> None:
    """One that can place the call itself is asked to: its provider has a relay of its own, as a rule."""
    story = HandingOver()
    story.talking(body=sdp(PCMU), headers=SipHeaders(allow=("INVITE", "REFER")) if refers else SipHeaders())
    story.transfers()
    story.responds_to("target", 200, sdp(PCMU, at=INSIDE))
    assert story.now("BYE").recipient.tag == "target"
    if refers:
        assert story.now("REFER")
    else:
        assert "behind a NAT" in story.said[0]
        assert "still in it" in story.said[0]


@pytest.mark.parametrize(("others", "joined"), [(AT_TARGET, False), (INSIDE, True), (LEARNT, True)])
def test_two_phones_are_joined_unless_one_is_behind_a_nat(others: tuple[Candidate, ...], joined: bool) -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU, at=LEARNT if others is LEARNT else INSIDE))
    story.calls(to="target%sip.test@sip.localhost/fargo", sid="s2")
    story.responds_to("target", 200, sdp(PCMU, at=others))
    assert (story.transfers(None) != BEHIND_NAT) is joined


@pytest.mark.parametrize("by_target", [False, True])
def test_who_holds_holds_the_other(by_target: bool) -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    story.transfers()
    if not by_target:
        story.bob_sends("INVITE", sdp(PCMU, senders="initiator"))
        story.acknowledges(story.final("INVITE")[-1].head)
    senders: Senders = "initiator" if by_target else "both"
    story.responds_to("target", 200, sdp(PCMU, senders=senders, at=AT_TARGET))
    offer = story.now("INVITE").body
    assert isinstance(offer, Sdp)
    assert offer.audio
    assert offer.audio.senders == ("responder" if by_target else "both")


def test_a_phone_that_moves_meanwhile_is_followed() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU, PCMA), headers=SipHeaders())
    story.transfers()
    story.bob_sends("INVITE", sdp(PCMU, PCMA, at=ELSEWHERE))
    story.responds_to("target", 200, sdp(PCMA, at=AT_TARGET))
    assert not [each for each in story.methods if each == "INVITE"]
    story.acknowledges(story.final("INVITE")[-1].head)
    story.responds_to("bob", 200, sdp(PCMA, at=ELSEWHERE))
    told = story.now("INVITE")
    assert (told.recipient.tag, place(told.body)[0]) == ("target", "127.0.0.6")
    story.responds_to("target", 200, sdp(PCMA, at=AT_TARGET))
    assert story.the(TerminateSession)


def test_a_client_that_is_out_of_the_call_holds_nobody() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    story.transfers()
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    assert place(story.now("INVITE").body) == ("127.0.0.5", 7000)
    story.holds()
    story.responds_to("bob", 200, sdp(PCMU))
    assert story.the(TerminateSession).condition == "success"
    for senders in ("responder", "both"):
        offer = story.now("INVITE").body
        assert isinstance(offer, Sdp)
        assert offer.audio
        assert offer.audio.senders == senders
        story.responds_to("bob", 200, sdp(PCMU))
    assert "INVITE" not in story.methods
