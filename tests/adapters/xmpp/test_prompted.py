"""Registration in the chat: the password that the gateway has asked for."""

import pytest
from twisted.internet.defer import fail

from fargo.adapters.xmpp import texts
from fargo.limits.rejection import Rejection
from fargo.statemachine.model.commands import Issued, SendRegistrationForm
from fargo.statemachine.model.events import (
    GatewayAsked,
    RegistrationSubmitted,
    SipAccount,
)
from fargo.statemachine.model.iq import ByChat, ByCommand, Iq
from fargo.statemachine.model.requests import GiveUp, NotUnderstood, Register

from .bench import GATEWAY, USER, Bench, iq, written
from .elements import parse


def test_the_password_in_a_chat_goes_to_the_vault_only() -> None:
    bench = Bench()
    bench.prompted = "alice@sip.test"
    bench.receive(written(" s3cret "))
    [(user, submitted)] = bench.events
    assert isinstance(submitted, RegistrationSubmitted)
    assert (user, submitted.account, submitted.secret, submitted.plain) == (
        USER,
        SipAccount("alice@sip.test"),
        "secret-1",
        True,
    )
    assert (submitted.iq.sender, submitted.iq.by) == (f"{USER}/a", ByChat())
    assert "s3cret" not in repr(bench.events)
    assert bench.wire.sent == []


@pytest.mark.parametrize(
    "mark",
    [
        "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>",
        "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
    ],
)
def test_what_stands_for_an_encrypted_message_is_no_password(mark: str) -> None:
    bench = Bench(stored=lambda: fail(AssertionError("that is no password")))
    bench.prompted = "alice@sip.test"
    bench.receive(
        parse(f"<message from='{USER}/a' to='{GATEWAY}' type='chat'><body>(encrypted)</body>{mark}</message>")
    )
    assert bench.events == []
    assert [str(each.error.text) for each in bench.wire.sent] == [texts.ENCRYPTED]


def test_a_password_that_nobody_asked_for_is_not_kept() -> None:
    bench = Bench()
    bench.receive(written("s3cret"))
    assert bench.events == [(USER, GatewayAsked(f"{USER}/a", GATEWAY, NotUnderstood()))]


def test_the_prompt_can_be_left() -> None:
    bench = Bench(stored=lambda: fail(AssertionError("that is no password")))
    bench.prompted = "alice@sip.test"
    bench.receive(written("cancel"), written("register carol@sip.test"))
    assert [event.request for _, event in bench.events if isinstance(event, GatewayAsked)] == [
        GiveUp(),
        Register("carol@sip.test"),
    ]


def test_a_password_that_is_not_let_in_is_answered_and_no_longer_asked_for() -> None:
    bench = Bench(stored=lambda: fail(AssertionError("it is not let in")))
    bench.prompted, bench.admission.events = "alice@sip.test", Rejection("wait", "policy-violation", "Not now.")
    bench.receive(written("s3cret"))
    assert bench.events == [(USER, GatewayAsked(f"{USER}/a", GATEWAY, GiveUp()))]
    [told] = bench.wire.sent
    assert (told["type"], told["to"], str(told.body)) == ("chat", f"{USER}/a", "Not now.")


def test_a_password_in_a_chat_that_cannot_be_kept_is_said_so() -> None:
    bench = Bench(stored=lambda: fail(OSError("disk full")))
    bench.prompted = "alice@sip.test"
    bench.receive(written("s3cret"))
    assert [str(each.body) for each in bench.wire.sent] == [texts.PASSWORD_NOT_STORED]
    assert "s3cret" not in str(bench.faults)


def test_what_is_asked_for_comes_with_a_number_of_the_user() -> None:
    bench = Bench()
    bench.receive(iq("<query xmlns='jabber:iq:gateway'/>", "get"))
    assert "030 23125000" in bench.wire.sent[-1].toXml()
    asked = Iq(f"{USER}/a", GATEWAY, "i")
    for way in (asked, Iq(asked.sender, GATEWAY, "i", ByCommand("register", "register:12345678"))):
        bench.adapter.do(Issued(USER, "1.0", SendRegistrationForm(way, None)))
        assert "such as DE for 030 23125000" in bench.wire.sent[-1].toXml()
