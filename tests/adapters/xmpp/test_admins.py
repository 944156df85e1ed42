"""Admins: questions in the chat, and commands of their own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import admins, texts
from fargo.control.questions import Announce, Drain, ListFailures, ListUsers, Question, RemoveUser
from fargo.statemachine.model.events import GatewayAsked

from .bench import SETTINGS, USER, Bench, iq, written

COMMANDS = "http://jabber.org/protocol/commands"
ADMIN = replace(SETTINGS, admins=frozenset({USER}))


def run(node: str, inside: str = "", session: str = "") -> Element:
    named = f" sessionid='{session}' action='complete'" if session else ""
    return iq(f"<command xmlns='{COMMANDS}' node='{node}'{named}>{inside}</command>")


@pytest.mark.parametrize(
    ("body", "question"),
    [
        ("admin users", ListUsers()),
        ("/Admin  FAILURES ", ListFailures()),
        ("admin announce A pause, soon.", Announce("A pause, soon.")),
        ("admin announce all: A pause.", Announce("A pause.", True)),
        ("admin announce All: A pause.", Announce("A pause.", True)),
        ("admin announce all:", None),
        ("admin remove bob@example.org yes", RemoveUser("bob@example.org")),
        ("admin drain", Drain()),
        ("admin drain off", Drain(False)),
        ("admin drain now", None),
        ("admin", None),
        ("admin remove bob@example.org", None),
        ("admin users please", None),
        (f"admin announce {'x' * 2001}", None),
    ],
)
def test_admins_are_answered_and_others_not_understood(body: str, question: Question | None) -> None:
    bench = Bench()
    bench.receive(written(body))
    assert [type(event) for _, event in bench.events] == [GatewayAsked]
    assert (bench.asked, bench.wire.sent) == ([], [])
    bench = Bench()
    bench.adapter.serve(ADMIN)
    bench.receive(written(body))
    assert bench.events == []
    assert bench.asked == ([(USER, question)] if question else [])
    assert [str(each.body) for each in bench.wire.sent] == ["As you wish." if question else texts.ADMIN_HELP]


OF_ADMINS = ["users", "failures", "announce", "all:", "remove", "drain", "off", "yes", "x", "\u2028"]


@given(st.lists(st.sampled_from(OF_ADMINS)))
def test_whatever_an_admin_writes_is_answered(words: list[str]) -> None:
    asked = admins.question(" ".join(["admin", *words]))
    assert asked == texts.ADMIN_HELP or not isinstance(asked, str | None)


def test_admins_are_users_too() -> None:
    bench = Bench()
    bench.adapter.serve(ADMIN)
    bench.receive(written("administer"), written("help"))
    assert [type(event) for _, event in bench.events] == [GatewayAsked] * 2


FILLED = "<x xmlns='jabber:x:data' type='submit'>{}</x>"
VALUE = "<field var='{}'><value>{}</value></field>"


@pytest.mark.parametrize(
    ("node", "values", "question"),
    [
        ("admin-users", None, ListUsers()),
        ("admin-failures", None, ListFailures()),
        ("admin-announce", {"text": "A pause.", "everyone": "1"}, Announce("A pause.", True)),
        ("admin-remove", {"user": "bob@example.org", "sure": "true"}, RemoveUser("bob@example.org")),
        ("admin-drain", {"drain": "true"}, Drain()),
        ("admin-drain", {"drain": "0"}, Drain(False)),
        ("admin-announce", {"text": " "}, None),
        ("admin-remove", {"user": "bob@example.org", "sure": "0"}, None),
    ],
)
def test_admins_have_commands_of_their_own(node: str, values: dict[str, str] | None, question: Question | None) -> None:
    bench = Bench()
    bench.adapter.serve(ADMIN)
    bench.receive(run(node))
    if values is not None:
        assert bench.asked == []
        asking = bench.wire.sent.pop().command
        assert asking["status"] == "executing"
        inside = FILLED.format("".join(VALUE.format(*each) for each in values.items()))
        bench.receive(run(node, inside, asking["sessionid"]))
    [answer] = bench.wire.sent
    assert bench.asked == ([(USER, question)] if question else [])
    if question:
        assert (answer.command["status"], str(answer.command.note)) == ("completed", "As you wish.")
    else:
        assert str(answer.error.text) == texts.ADMIN_NOT_FILLED


def test_others_do_not_see_the_commands_of_admins() -> None:
    bench = Bench()
    listing = iq(f"<query xmlns='http://jabber.org/protocol/disco#items' node='{COMMANDS}'/>", "get")
    bench.receive(run("admin-users"), listing)
    refused, listed = bench.wire.sent
    assert (refused.error.firstChildElement().name, bench.asked) == ("item-not-found", [])
    assert not [each for each in listed.query.elements() if each["node"].startswith("admin")]
    bench.adapter.serve(ADMIN)
    bench.receive(listing)
    assert len([each for each in bench.wire.sent[-1].query.elements() if each["node"].startswith("admin")]) == 5
