"""Plain RTP over IPv4 and IPv6: directly where both ends have the same, else through the relay, else not at all."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.media.description import (
    IPV4,
    IPV6,
    Candidate,
    Content,
    Description,
    Family,
    RawUdp,
    families,
    family,
    narrowed,
    rtp_and_rtcp,
)
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.media.texts import NO_COMMON_FAMILY, OTHER_FAMILY
from fargo.statemachine.model.call1 import PlaceCall
from fargo.statemachine.model.call_records import RecordPath
from fargo.statemachine.model.commands import AcceptSession, InitiateSession, TerminateSession
from fargo.statemachine.model.events import IqSucceeded, PolicyChanged
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInitiated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse
from fargo.statemachine.model.sip_values import Endpoint, Sdp

from ..registering import REGISTRAR
from ..story import BOB, DESK, OFFER, PCMU, Story
from .phone import Phoning, sdp

OVER4, OVER6 = Candidate(1, "192.0.2.1", 4000), Candidate(1, "2001:db8::1", 4000)
PHONE4, PHONE6 = (Candidate(1, "192.0.2.9", 5000),), (Candidate(1, "2001:db8::9", 5000),)
SERVER6 = Endpoint("udp", "2001:db8::5060", 5060)
PLAIN6 = Description("audio", (PCMU,), RawUdp((OVER6,)))


def client(*candidates: Candidate) -> Content:
    """Return what a client with these addresses offers or answers."""
    assert OFFER.description
    return replace(OFFER, description=replace(OFFER.description, transport=RawUdp(candidates)))


def places(description: Description | None) -> list[str]:
    assert description
    assert isinstance(description.transport, RawUdp)
    return [each.ip for each in description.transport.candidates]


def said(message: SendRequest | SendResponse) -> list[str]:
    """Return the addresses in our description."""
    assert isinstance(message.body, Sdp)
    assert message.body.audio
    return places(message.body.audio.description)


def with_relay(story: Phoning) -> Phoning:
    story.tell(PolicyChanged(Policy(relay=True, engine="sip")))
    return story


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.0.2.1", IPV4),
        ("2001:db8::1", IPV6),
        ("::1", IPV6),
        ("fe80::1", None),
        ("fe80::1%eth0", None),
        ("2001:db8::1%eth0", None),
        ("::ffff:192.0.2.1", None),
        ("ff02::1", None),
        ("::", None),
        ("0.0.0.0", None),
        ("phone.example", None),
    ],
)
def test_the_family_of_an_address(address: str, found: Family | None) -> None:
    assert family(address) is found


def test_an_end_with_both_is_reached_over_ipv4_unless_another_family_is_wanted() -> None:
    both = Description("audio", (PCMU,), RawUdp((OVER6, OVER4, Candidate(2, "2001:db8::1", 4009))))
    assert families(both) == (IPV4, IPV6)
    assert [(each.ip, each.port) for each in rtp_and_rtcp(both)] == [("192.0.2.1", 4000), ("192.0.2.1", 4001)]
    assert [(each.ip, each.port) for each in rtp_and_rtcp(both, (IPV6,))] == [
        ("2001:db8::1", 4000),
        ("2001:db8::1", 4009),
    ]
    assert places(narrowed(both, (IPV6, IPV4))) == ["2001:db8::1", "2001:db8::1"]


# --- directly


def test_a_call_out_over_ipv6() -> None:
    story = Phoning()
    story.calls(client(OVER6))
    assert said(story.request("INVITE")) == ["2001:db8::1"]
    story.answers(sdp(PCMU, at=PHONE6))
    assert places(story.the(AcceptSession).content.description)[0] == "2001:db8::9"


def test_a_call_in_over_ipv6() -> None:
    story = Phoning()
    story.invites(sdp(PCMU, at=PHONE6))
    invited = story.the(InitiateSession)
    assert places(invited.content.description)[0] == "2001:db8::9"
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(invited.sender, DESK), invited.sid, (client(OVER4, OVER6),)))
    assert said(story.response(200)) == ["2001:db8::1"]


@pytest.mark.parametrize(("server", "chosen"), [(None, "192.0.2.1"), (SERVER6, "2001:db8::1")])
def test_a_client_with_both_offers_the_family_of_the_server(server: Endpoint | None, chosen: str) -> None:
    story = Phoning(source=server or REGISTRAR)
    story.calls(client(OVER6, OVER4))
    assert said(story.request("INVITE")) == [chosen]


# --- without a common family


def test_a_phone_that_answers_in_another_family_ends_the_call() -> None:
    story = Phoning()
    story.calls(client(OVER6))
    story.answers(sdp(PCMU, at=PHONE4))
    assert story.the(TerminateSession).text == texts.ANSWER_WITHOUT_AUDIO


def test_a_client_that_answers_in_another_family_ends_the_call() -> None:
    story = Phoning()
    story.invites(sdp(PCMU, at=PHONE6))
    invited = story.the(InitiateSession)
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(invited.sender, DESK), invited.sid, (client(OVER4),)))
    assert story.the(TerminateSession).text == NO_COMMON_FAMILY
    assert 488 in story.statuses


def test_a_phone_cannot_move_to_another_family_in_a_direct_call() -> None:
    story = Phoning().talking()
    story.sends("INVITE", sdp(PCMU, at=PHONE6))
    assert story.statuses == [488]


# --- through the relay


@pytest.mark.parametrize(("at", "server", "wanted"), [(OVER6, None, IPV4), (OVER4, SERVER6, IPV6)])
def test_the_relay_translates_for_a_call_out(at: Candidate, server: Endpoint | None, wanted: Family) -> None:
    story = with_relay(Phoning(source=server or REGISTRAR))
    story.calls(client(at))
    assert story.the(OfferRelay).family is wanted
    assert [each.why for each in story.noted() if isinstance(each, RecordPath)] == [OTHER_FAMILY]


def test_the_relay_translates_for_a_call_in() -> None:
    story = with_relay(Phoning())
    story.invites(sdp(PCMU, at=PHONE6))
    assert story.the(OfferRelay).family is IPV4
    assert story.all(InitiateSession) == []


def test_the_relay_goes_on_offering_ipv6_to_a_caller_with_ipv6() -> None:
    story = with_relay(Phoning())
    story.invites(sdp(PCMU, at=PHONE6))
    story.tell(RelayDescribed(story.id_of(OfferRelay), replace(PLAIN6, transport=RawUdp((OVER4,)))))
    invited = story.the(InitiateSession)
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(invited.sender, DESK), invited.sid, (client(OVER4),)))
    story.tell(RelayDescribed(story.id_of(AnswerRelay), PLAIN6))
    story.acknowledges()
    story.sends("INVITE", sdp(PCMU, at=(replace(PHONE6[0], port=5002),)))
    assert story.the(OfferRelay).family is IPV6


def test_a_relay_without_such_an_address_ends_a_call_in() -> None:
    story = with_relay(Phoning())
    story.invites(sdp(PCMU, at=PHONE6))
    story.tell(RelayDescribed(story.id_of(OfferRelay), replace(PLAIN6, transport=RawUdp((OVER4,)))))
    invited = story.the(InitiateSession)
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(invited.sender, DESK), invited.sid, (client(OVER4),)))
    story.tell(RelayDescribed(story.id_of(AnswerRelay), replace(PLAIN6, transport=RawUdp((OVER4,)))))
    assert story.the(TerminateSession).text == NO_COMMON_FAMILY


def test_no_relay_is_needed_for_a_family_that_both_have() -> None:
    story = with_relay(Phoning(source=SERVER6))
    story.calls(client(OVER6))
    assert story.all(OfferRelay) == []


# --- the engine "telepathy", which has IPv4 only


def test_rakia_is_told_of_ipv4_only() -> None:
    story = Story().signed_in()
    story.tell(SessionInitiated(story.iq(BOB), "s1", (client(OVER6, OVER4),)))
    assert [each.ip for each in story.the(PlaceCall).candidates] == ["192.0.2.1"] * 2
    other = Story().signed_in()
    other.tell(SessionInitiated(other.iq(BOB), "s1", (client(OVER6),)))
    assert other.the(TerminateSession).text == NO_COMMON_FAMILY
