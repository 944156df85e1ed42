"""Calls to other domains than the account's: through its own server, directly, or not at all (`Policy.foreign`)."""

import pytest

from fargo.statemachine import texts
from fargo.statemachine.media.paths import ForeignCalls, Policy
from fargo.statemachine.model.commands import RefuseIq
from fargo.statemachine.model.events import PolicyChanged
from fargo.statemachine.model.sip_values import Endpoint, Hop

from ..registering import MD5, REGISTRAR
from ..story import BOB
from .phone import CAROL, Phoning

WITH_PORT = "carol%other.test\\3a5070@sip.localhost/fargo"
NUMBER = "112%other.test@sip.localhost/fargo"
ROUTES = ("<sip:edge.sip.test;lr>",)


def with_policy(foreign: ForeignCalls) -> Phoning:
    story = Phoning(login=True, service_route=ROUTES)
    story.tell(PolicyChanged(Policy(engine="sip", emergency_numbers=("112",), foreign=foreign)))
    return story


@pytest.mark.parametrize(
    ("foreign", "to"), [("provider", CAROL), ("direct", BOB), ("direct", NUMBER), ("refuse", NUMBER)]
)
def test_a_call_goes_through_the_accounts_server(foreign: ForeignCalls, to: str) -> None:
    story = with_policy(foreign)
    story.calls(to=to)
    invite = story.now("INVITE")
    assert (invite.hop, invite.destination, invite.routes) == (Hop("sip.test"), REGISTRAR, ROUTES)


@pytest.mark.parametrize(("to", "hop"), [(CAROL, Hop("other.test")), (WITH_PORT, Hop("other.test", 5070))])
def test_a_call_goes_to_the_domain_without_a_login(to: str, hop: Hop) -> None:
    story = with_policy("direct")
    story.calls(to=to)
    invite = story.now("INVITE")
    assert (invite.hop, invite.destination, invite.routes) == (hop, None, ())
    story.responds(407, challenges=(MD5,), source=Endpoint("udp", "198.51.100.9", 5060))
    assert story.methods == []
    assert not story.user.calls


def test_a_call_goes_nowhere() -> None:
    story = with_policy("refuse")
    story.calls(to=CAROL)
    assert story.the(RefuseIq).text == texts.NO_FOREIGN_CALLS.format(domain="sip.test")
    story.calls(to=BOB)
    assert story.now("INVITE")
