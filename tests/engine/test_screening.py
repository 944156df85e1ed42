"""Events lose the addresses that audio must not go to before the engine gets them."""

from ipaddress import ip_address, ip_network

import pytest
from msgspec.structs import replace

from fargo import screening
from fargo.screening import LASTS, Screening
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    IceUdp,
    RawUdp,
    RefusedAddress,
    Transport,
    UnknownTransport,
    Unreachable,
)
from fargo.statemachine.media.reach import Address, Network, Networks
from fargo.statemachine.model.call1 import CallArrived, CandidatesReceived
from fargo.statemachine.model.events import Event, Stopping
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    SessionAccepted,
    SessionInitiated,
    TransportInformed,
    TransportReplaced,
)
from fargo.statemachine.model.ng import RelayDescribed
from fargo.statemachine.model.sip_messages import InviteReceived, SipRequestReceived, SipResponseReceived
from fargo.statemachine.model.sip_values import Endpoint, OtherBody, Party, RequestHead, Sdp

USER = "alice@example.org"
IQ = Iq("alice@example.org/x", "bob@sip.example.org", "1")
GOOD, PRIVATE, BAD = Candidate(1, "8.8.8.8", 17000), Candidate(1, "10.0.0.1", 17000), Candidate(1, "127.0.0.1", 17000)
LOOPBACK = RefusedAddress(1, "127.0.0.1", 17000, Unreachable.LOOPBACK)
HEAD = RequestHead("INVITE", "sip:a@b", (), "", "", "1", 1)
FROM_THERE = Endpoint("udp", "8.8.8.8", 5060)


class Bench:
    """A screening, whose events are kept. The machine has the addresses `own`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self.now = 0.0
        self.own: set[Address] = {ip_address("198.41.0.4")}
        near: tuple[Network, ...] = (ip_network("192.168.1.0/24"),)
        monkeypatch.setattr(screening, "machine", lambda: (frozenset(self.own), near))
        rules = Networks(control=(ip_address("198.41.0.77"), 2223))
        self.screening = Screening(lambda _, event: self.events.append(event), rules, ["198.41.0.8"], lambda: self.now)

    def put(self, event: Event) -> Event:
        self.screening.put(USER, event)
        return self.events[-1]

    def screened(self, transport: Transport) -> Transport:
        """Return what is left of a transport in a transport-info."""
        after = self.put(TransportInformed(IQ, "s", (Content("voice", transport=transport),)))
        assert isinstance(after, TransportInformed)
        assert after.contents[0].transport
        return after.contents[0].transport

    def refused(self, ip: str, port: int = 17000) -> Unreachable | None:
        """Return why a client's address is refused."""
        transport = self.screened(RawUdp((Candidate(1, ip, port),)))
        assert isinstance(transport, RawUdp)
        return transport.refused[0].why if transport.refused else None


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def described(transport: Transport) -> Content:
    return Content("voice", description=Description("audio", (Codec(0),), transport))


def sdp(transport: Transport) -> Sdp:
    media = ("audio 17000 RTP/AVP 0", "video 17000 RTP/AVP 96")
    return Sdp(described(transport), media, 0, video=described(transport), video_place=1)


def test_every_event_with_addresses_is_screened(bench: Bench) -> None:
    before, after = RawUdp((BAD, GOOD)), RawUdp((GOOD,), (LOOPBACK,))
    for make in (
        lambda t: SessionInitiated(IQ, "s", (described(t),)),
        lambda t: SessionAccepted(IQ, "s", (described(t),)),
        lambda t: TransportReplaced(IQ, "s", (Content("voice", transport=t),)),
        lambda t: InviteReceived("n", "c", HEAD, FROM_THERE, Party("sip:b@c"), body=sdp(t)),
        lambda t: SipRequestReceived("n", HEAD, FROM_THERE, body=sdp(t)),
        lambda t: SipResponseReceived("n", "1.0", "INVITE", 200, "OK", body=sdp(t)),
        lambda t: CallArrived("c", "1.0", "sip:b@c", (), t.candidates, 3, t.refused),
        lambda t: CandidatesReceived("c", t.candidates, t.refused),
    ):
        assert bench.put(make(before)) == make(after)
        assert bench.put(make(RawUdp((GOOD,)))) == make(RawUdp((GOOD,)))


def test_other_events_pass(bench: Bench) -> None:
    for event in (
        Stopping(),
        SipResponseReceived("n", "1.0", "INVITE", 200, "OK", body=OtherBody("text/plain", 3)),
        SipResponseReceived("n", "1.0", "INVITE", 200, "OK", body=Sdp(None)),
        TransportReplaced(IQ, "s", (Content("voice", transport=UnknownTransport("urn:x")), Content("other"))),
    ):
        assert bench.put(event) == event


def test_candidates_of_ice(bench: Bench) -> None:
    related = replace(GOOD, rel_addr="127.0.0.1", rel_port=17000)
    hosts = (replace(GOOD, ip="a.local"), replace(GOOD, protocol="tcp"), replace(GOOD, rel_addr="0.0.0.0", rel_port=9))
    kept = bench.screened(IceUdp("u", "p", (BAD, related, *hosts)))
    assert isinstance(kept, IceUdp)
    assert kept.candidates == (GOOD, GOOD)
    assert [each.why for each in kept.refused] == [*(Unreachable.LOOPBACK, Unreachable.NO_ADDRESS, Unreachable.NOT_UDP)]
    inside = replace(GOOD, rel_addr="10.0.0.1", rel_port=17000)
    assert bench.screened(IceUdp("u", "p", (inside,))) == IceUdp("u", "p", (inside,))


def test_a_phone_holds_with_an_unspecified_address_and_a_client_does_not(bench: Bench) -> None:
    hold = RawUdp((Candidate(1, "0.0.0.0", 17000),))
    held = SipRequestReceived("n", HEAD, FROM_THERE, body=sdp(hold))
    assert bench.put(held) == held
    assert bench.refused("0.0.0.0") is Unreachable.UNSPECIFIED


def test_private_addresses_are_marked_unless_they_are_near(bench: Bench) -> None:
    assert bench.screened(RawUdp((PRIVATE,))) == RawUdp((replace(PRIVATE, hidden=True),))
    near = Candidate(1, "192.168.1.9", 17000)
    assert bench.screened(RawUdp((near,))) == RawUdp((near,))


def test_this_machine_and_the_relay_are_refused(bench: Bench) -> None:
    for ip in ("198.41.0.4", "198.41.0.8", "198.41.0.77"):
        assert bench.refused(ip) is Unreachable.OWN
    assert bench.refused("198.41.0.77", 2222) is Unreachable.CONTROL
    assert bench.refused("198.41.0.99") is None
    bench.put(RelayDescribed("1.0", Description("audio", (), RawUdp((Candidate(1, "198.41.0.99", 30000),)))))
    assert bench.refused("198.41.0.99") is Unreachable.OWN


def test_the_addresses_of_the_machine_are_read_again(bench: Bench) -> None:
    assert bench.refused("198.41.0.5") is None
    bench.own = {ip_address("198.41.0.5")}
    bench.now = LASTS
    assert bench.refused("198.41.0.5") is Unreachable.OWN
    assert bench.refused("198.41.0.4") is None


def test_rules_can_change(bench: Bench) -> None:
    assert bench.refused("10.0.0.1") is None
    bench.screening.use(Networks(private=False))
    assert bench.refused("10.0.0.1") is Unreachable.PRIVATE
    assert bench.refused("198.41.0.4") is Unreachable.OWN


def test_the_machine_has_loopback_and_no_broadcast_is_missing() -> None:
    own, near = screening.machine()
    assert ip_address("127.0.0.1") in own
    assert ip_network("127.0.0.0/8") in near
    assert ip_address("127.255.255.255") in own
