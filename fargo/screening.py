"""The screening of addresses: take those that audio must not go to out of the events, before they are logged.

Rules:

1. Every event that can bring an address for audio from outside comes through here. The candidates in it are those that
   `media.reach` has no objection to. The others are in the event as refused, each with the reason.
2. The addresses of this machine are read again if they are older than `LASTS`. Those of the relay are learned from its
   replies, as it may run on another machine.
3. An unspecified address in SDP is left as it is: the far end is on hold (RFC 3264 §8.4), and nothing is sent there.
4. A related address (RFC 8445 §5.1.1.2) that is refused is left out like one that is withheld.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, ip_address, ip_interface
from typing import Final

import ifaddr
from msgspec.structs import replace

from fargo.adapters.put import PutEvent
from fargo.statemachine.media.description import (
    Candidate,
    Content,
    IceUdp,
    RawUdp,
    RefusedAddress,
    Transport,
    UnknownTransport,
    Unreachable,
)
from fargo.statemachine.media.reach import Address, Network, Networks, is_hidden, objection
from fargo.statemachine.model.call1 import CallArrived, CandidatesReceived
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.jingle_events import ContentEvent, SessionAccepted, SessionInitiated
from fargo.statemachine.model.ng import RelayDescribed
from fargo.statemachine.model.sip_messages import InviteReceived, SipRequestReceived, SipResponseReceived
from fargo.statemachine.model.sip_values import Sdp

LASTS: Final = 10.0
"""Seconds for which the addresses of this machine count as known. Reading them takes less than a millisecond."""
_UNSPECIFIED: Final = frozenset({"0.0.0.0", "::"})


class Screening:
    """The way of events into the engine, whose `put` it is given. `networks`: the operator's rules. `now`: seconds.

    `elsewhere`: addresses that lead to this machine without being its own, such as that which a NAT gives it.
    """

    def __init__(self, put: PutEvent, networks: Networks, elsewhere: Iterable[str], now: Callable[[], float]) -> None:
        self._put = put
        self._rules = networks
        self._elsewhere = frozenset(map(ip_address, elsewhere))
        self._now = now
        self._relay: frozenset[Address] = frozenset()
        self._networks = networks
        self._until: float | None = None

    def use(self, networks: Networks) -> None:
        """Use other rules from now on."""
        self._rules, self._until = networks, None

    def put(self, user: str, event: Event) -> None:
        """Put an event of a user into the engine, screened."""
        self._put(user, self._screened(event))

    def _screened(self, event: Event) -> Event:
        match event:
            case SessionInitiated() | SessionAccepted() | ContentEvent():
                networks = self._known()
                return replace(event, contents=tuple([_content(each, networks, False) for each in event.contents]))
            case InviteReceived() | SipRequestReceived() | SipResponseReceived():
                return self._with_sdp(event)
            case CallArrived() | CandidatesReceived():
                screened = _raw(RawUdp(event.candidates), self._known(), True)
                return replace(event, candidates=screened.candidates, refused=screened.refused)
            case RelayDescribed():
                self._learn(event)
                return event
            case _:
                return event

    def _with_sdp(self, event: InviteReceived | SipRequestReceived | SipResponseReceived) -> Event:
        if not isinstance(event.body, Sdp) or event.body.audio is None:
            return event
        sdp, known = event.body, self._known()
        video = sdp.video and _content(sdp.video, known, True)
        return replace(event, body=replace(sdp, audio=_content(event.body.audio, known, True), video=video))

    def _learn(self, event: RelayDescribed) -> None:
        """Take in at which addresses the relay receives audio (rule 2)."""
        transport = event.description.transport
        if isinstance(transport, UnknownTransport):
            return
        found = {ip_address(each.ip) for each in transport.candidates}
        if not found <= self._relay:
            self._relay |= found
            self._until = None

    def _known(self) -> Networks:
        """Return the rules, with what is known of this machine and the relay."""
        now = self._now()
        if self._until is None or self._until <= now:
            self._until = now + LASTS
            own, near = machine()
            control = frozenset({self._rules.control[0]}) if self._rules.control else frozenset()
            own = own | self._elsewhere | self._relay | control
            self._networks = replace(self._rules, own=own, near=near)
        return self._networks


def machine() -> tuple[frozenset[Address], tuple[Network, ...]]:
    """Return the addresses of this machine with the broadcast addresses of its networks, and these networks."""
    own: set[Address] = set()
    near: list[Network] = []
    for adapter in ifaddr.get_adapters():
        for each in adapter.ips:
            text = each.ip if isinstance(each.ip, str) else each.ip[0]
            interface = ip_interface(f"{text.partition('%')[0]}/{each.network_prefix}")
            own.add(interface.ip)
            near.append(interface.network)
            if isinstance(interface.network, IPv4Network):
                own.add(interface.network.broadcast_address)
    return frozenset(own), tuple(near)


def _content(content: Content, networks: Networks, in_sdp: bool) -> Content:
    if content.transport is not None:
        content = replace(content, transport=_transport(content.transport, networks, in_sdp))
    if content.description is not None:
        transport = _transport(content.description.transport, networks, in_sdp)
        content = replace(content, description=replace(content.description, transport=transport))
    return content


def _transport(transport: Transport, networks: Networks, in_sdp: bool) -> Transport:
    match transport:
        case RawUdp():
            return _raw(transport, networks, in_sdp)
        case IceUdp(candidates=candidates):
            usable, refused = _sorted(candidates, networks, False)
            return replace(transport, candidates=usable, refused=refused)
        case UnknownTransport():
            return transport


def _raw(transport: RawUdp, networks: Networks, in_sdp: bool) -> RawUdp:
    return RawUdp(*_sorted(transport.candidates, networks, in_sdp))


def _sorted(
    candidates: tuple[Candidate, ...], networks: Networks, in_sdp: bool
) -> tuple[tuple[Candidate, ...], tuple[RefusedAddress, ...]]:
    """Return the addresses that audio may go to, and the others."""
    usable: list[Candidate] = []
    refused: list[RefusedAddress] = []
    for each in candidates:
        if in_sdp and each.ip in _UNSPECIFIED:
            usable.append(each)
        elif why := _objection(each, networks):
            refused.append(RefusedAddress(each.component, each.ip, each.port, why))
        else:
            usable.append(_related(replace(each, hidden=is_hidden(each.ip, networks)), networks))
    return tuple(usable), tuple(refused)


def _objection(candidate: Candidate, networks: Networks) -> Unreachable | None:
    if candidate.protocol.lower() != "udp":
        return Unreachable.NOT_UDP
    return objection(candidate.ip, candidate.port, networks)


def _related(candidate: Candidate, networks: Networks) -> Candidate:
    """Return a candidate without its related address if that is refused (rule 4)."""
    if candidate.rel_addr and objection(candidate.rel_addr, candidate.rel_port, networks):
        return replace(candidate, rel_addr="", rel_port=0)
    return candidate
