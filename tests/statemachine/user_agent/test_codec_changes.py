"""A phone lists other codecs in the middle of a call: fewer of the agreed ones, or all of them again (RFC 3264 §8)."""

import pytest

from fargo.statemachine.media.description import Codec, Description, UnknownTransport
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import InformDescription, InformTransport
from fargo.statemachine.model.events import IqFailed, PolicyChanged
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed

from ..relayed import FOR_PHONE
from ..story import BOB, DESK, PCMA, PCMU
from .phone import G722, TONES, Phoning, sdp
from .talking import AWAY, EITHER_WAY, Beginning, out


def spoken(story: Phoning) -> list[tuple[Codec, ...]]:
    """Return the codecs that the client was told by what happened last."""
    return [said.content.description.codecs for said in story.all(InformDescription) if said.content.description]


@EITHER_WAY
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_client_is_told_which_codecs_are_left_and_which_are_back(begin: Beginning, method: str) -> None:
    story = begin()
    for listed, told in (
        ((PCMA, PCMU, TONES), []),
        ((PCMA, TONES), [(PCMA,)]),
        ((G722, PCMA), []),
        ((PCMU,), [(PCMU,)]),
        ((PCMU, PCMA), [(PCMU, PCMA)]),
    ):
        story.sends(method, sdp(*listed))
        assert spoken(story) == told
        assert story.statuses == [200]


def test_it_is_told_nothing_else() -> None:
    story = out()
    story.sends("INVITE", sdp(PCMA))
    said = story.the(InformDescription)
    assert (said.sender, said.to, said.sid) == (BOB, DESK, "s1")
    assert said.content.name == "voice"
    assert said.content.description == Description("audio", (PCMA,), UnknownTransport(""))
    assert not story.all(InformTransport)


def test_a_phone_that_moves_and_lists_fewer_is_told_in_both_ways() -> None:
    story = out()
    story.sends("INVITE", sdp(PCMA, at=AWAY))
    assert spoken(story) == [(PCMA,)]
    assert story.all(InformTransport)


def test_an_answer_to_our_hold_may_list_fewer() -> None:
    story = out()
    story.holds()
    story.responds(200, body=sdp(PCMA, senders="responder"))
    assert spoken(story) == [(PCMA,)]


def test_a_client_that_cannot_be_told_stays_in_the_call() -> None:
    story = out()
    story.sends("INVITE", sdp(PCMA))
    story.tell(IqFailed(story.id_of(InformDescription), DESK, "feature-not-implemented", ""))
    story.sends("INVITE", sdp(PCMU))
    assert spoken(story) == [(PCMU,)]


def relayed(*shown: Codec) -> Phoning:
    """A call out, answered with PCMU and PCMA; ``shown``: what the relay then answers the client."""
    story = Phoning()
    story.tell(PolicyChanged(Policy("relay", relay=True, engine="sip")))
    story.calls()
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    story.answers(sdp(PCMU, PCMA))
    story.tell(RelayDescribed(story.id_of(AnswerRelay), Description("audio", shown, FOR_PHONE.transport)))
    return story


@pytest.mark.parametrize(
    ("shown", "left", "offered"),
    [
        ((PCMU, PCMA), PCMA, (PCMU,)),  # the client sends PCMU, so the relay must translate
        ((PCMU, PCMA), PCMU, (PCMU, PCMA)),
        ((PCMA,), PCMU, (PCMA,)),
    ],
)
def test_the_relay_translates_what_the_phone_takes_no_longer(
    shown: tuple[Codec, ...], left: Codec, offered: tuple[Codec, ...]
) -> None:
    story = relayed(*shown)
    story.sends("INVITE", sdp(left))
    assert story.statuses == [200]
    assert story.the(OfferRelay).description.codecs == offered
    assert spoken(story) == []
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    assert story.the(AnswerRelay).description.codecs == (left,)
    story.tell(RelayDescribed(story.id_of(AnswerRelay), Description("audio", offered, FOR_PHONE.transport)))
    assert not story.last
    story.sends("INVITE", sdp(PCMU, PCMA))
    assert story.the(OfferRelay).description.codecs == (PCMU, PCMA)
