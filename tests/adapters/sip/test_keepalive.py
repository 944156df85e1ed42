"""Keeping the ways from registrars open, and noticing that one was lost."""

from collections.abc import Callable
from typing import cast

import pytest
from twisted.internet.task import Clock

from fargo.adapters.sip.keepalive import LOST, SECONDS, KeepAlive
from fargo.adapters.sip.names import Named
from fargo.adapters.sip.options import Options
from fargo.adapters.sip.own_addresses import OwnAddresses
from fargo.adapters.sip.settings import SipSettings
from fargo.adapters.sip.wire.message import SipResponse
from fargo.statemachine.model.sip_messages import FlowClosed
from fargo.statemachine.model.sip_values import Endpoint

REGISTRAR = Endpoint("udp", "192.0.2.1", 5060)
ACCOUNT = Named("alice@example.org", "12.0")
OWN = "10.0.0.2:5060"
NAT, LATER = "203.0.113.9:40000", "203.0.113.9:40001"


class Asked:
    """A question to the registrar, in the place of `Options`."""

    def __init__(self) -> None:
        self.questions: list[Callable[[SipResponse | None], None]] = []

    def ask(self, server: Endpoint, name: str | None, told: Callable[[SipResponse | None], None]) -> None:
        assert (server, name) == (REGISTRAR, None)
        self.questions.append(told)


class Rig:
    """An account whose way is kept. `lost` has what the core was told."""

    def __init__(self, public_address: str | None = None) -> None:
        settings = SipSettings(
            edge=("127.0.0.1", 5070),
            gateway=("127.0.0.1", 5071),
            secret="secret",
            addresses=("10.0.0.2",),
            port=5060,
            tls_port=5061,
            public_address=public_address,
        )
        self.clock = Clock()
        self.asked = Asked()
        self.lost: list[tuple[str, object]] = []
        own = OwnAddresses(settings, self.clock.seconds)
        self.keep_alive = KeepAlive(
            cast(Options, self.asked), own, lambda user, event: self.lost.append((user, event)), self.clock
        )
        self.keep_alive.keep(ACCOUNT, REGISTRAR)

    def answer(self, seen: str) -> None:
        """Let the registrar answer the next OPTIONS, which it has got from an address."""
        self.clock.advance(SECONDS)
        mark = f"udp:{REGISTRAR.ip}:{REGISTRAR.port};at=10.0.0.2:5060;boot=1;seen={seen}"
        self.asked.questions.pop()(SipResponse(200, "OK", {"X-Fargo-From": [mark]}))

    def silent(self) -> None:
        """Let the edge answer the next OPTIONS, as the registrar does not."""
        self.clock.advance(SECONDS)
        self.asked.questions.pop()(SipResponse(408, "No answer from the server", {"X-Fargo-Local": ["1"]}))


CLOSED = (ACCOUNT.user, FlowClosed(ACCOUNT.name))


def test_a_registrar_that_sees_us_where_we_are_is_not_lost() -> None:
    rig = Rig()
    rig.answer(OWN)
    rig.answer(OWN)
    assert rig.lost == []


def test_a_registrar_that_sees_us_elsewhere_than_before_is_lost_once() -> None:
    """A NAT has forgotten the way and made another."""
    rig = Rig()
    for seen, lost in ((NAT, 1), (NAT, 1), (LATER, 2), (LATER, 2)):
        rig.answer(seen)
        assert rig.lost == [CLOSED] * lost


def test_a_configured_public_address_counts() -> None:
    rig = Rig(public_address="203.0.113.9")
    rig.answer(NAT)
    assert rig.lost == []


@pytest.mark.parametrize("answered", [True, False])
def test_a_registrar_is_lost_by_silence_only_if_it_has_answered(answered: bool) -> None:
    rig = Rig()
    if answered:
        rig.answer(OWN)
    for _ in range(LOST):
        assert rig.lost == []
        rig.silent()
    assert rig.lost == ([CLOSED] if answered else [])
