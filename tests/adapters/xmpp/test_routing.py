"""Any stanza leads to an event, to an answer or to nothing, and never to a fault.

Only the stream is not real here: it can be given stanzas that no server would let through.
"""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import stateless_iq, submitting, texts
from fargo.limits.rejection import Rejection
from fargo.statemachine.address import bare
from fargo.statemachine.model.commands import Issued, PresenceKind, ShowContacts
from fargo.statemachine.model.events import (
    Event,
    IqFailed,
    IqSucceeded,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
)
from fargo.statemachine.model.jingle_events import CallProposed

from . import strategies
from .bench import CONTACTS, GATEWAY, REGISTER, SETTINGS, USER, Bench, iq
from .elements import captures, parse

addresses = st.sampled_from(["", "example.org", USER, f"{USER}/a", "mallory@example.com/x", "sip.example.org"])
kinds = st.sampled_from(["get", "set", "result", "error", "chat", "subscribe", "probe", "unavailable", "odd", None])


@given(
    st.sampled_from(["iq", "presence", "message", "odd"]),
    kinds,
    addresses,
    addresses,
    st.lists(strategies.junk, max_size=2),
)
@example("iq", "set", f"{USER}/a", GATEWAY, [])
@example("iq", "set", GATEWAY, "", [])
@example("iq", "get", "example.org", "", [])
def test_any_stanza_gives_one_event_or_one_answer_at_most(
    name: str, kind: str | None, sender: str, to: str, inside: list[Element]
) -> None:
    bench = Bench()
    stanza = Element((None, name), attribs={"from": sender, "to": to, "id": "1.0"})
    if kind:
        stanza["type"] = kind
    for each in inside:
        stanza.addChild(each)
    bench.receive(parse(stanza.toXml()))
    assert bench.faults == []
    consequences = len(bench.events) + len(bench.wire.sent)
    # A server delivers nothing from our own domain, so nobody can have sent that.
    somebody = sender not in ("", GATEWAY)
    assert consequences <= (1 if somebody else 0)
    if name == "iq" and kind in ("get", "set") and somebody:
        assert consequences == 1
    # So a process that is not the worker any more, and does not know it, can do no harm with what it answers without
    # the log: the server gives each stanza to one process, and it says nothing to anybody but in answer to a stanza.
    for answer in bench.wire.sent:
        assert (bare(answer["from"]), bare(answer["to"])) == (bare(to), bare(sender))
        assert answer["type"] in ("result", "error", "unsubscribed")
        assert answer["type"] == "unsubscribed" or answer["id"] == "1.0"
    for user, _ in bench.events:
        assert user == USER


@given(st.data())
def test_damaged_real_stanzas_are_no_faults(data: st.DataObject) -> None:
    stanza = parse(data.draw(st.sampled_from(captures())).stanza.toXml())
    stanza["from"] = f"{USER}/a"
    strategies.damage(data.draw, stanza)
    bench = Bench()
    bench.receive(stanza)
    assert bench.faults == []


def test_every_captured_stanza_of_a_client_is_no_fault() -> None:
    bench = Bench()
    for each in captures():
        if not each.by_gateway:
            stanza = parse(each.stanza.toXml())
            stanza["from"] = f"{USER}/a"
            bench.receive(stanza)
    assert bench.faults == []
    assert bench.events


def test_a_stranger_gets_answers_but_no_event() -> None:
    bench = Bench()
    stranger = "mallory@example.com/x"
    bench.receive(
        iq(REGISTER, sender=stranger),
        iq("<ping xmlns='urn:xmpp:ping'/>", "get", sender=stranger),
        iq("", "result", sender=stranger),
        parse(f"<presence from='{stranger}' to='{GATEWAY}'/>"),
        parse(f"<message from='{stranger}' to='{GATEWAY}'><body>hello</body></message>"),
        parse(
            f"<message from='{stranger}' to='{GATEWAY}'><propose xmlns='urn:xmpp:jingle-message:0' id='s'/></message>"
        ),
        parse(f"<message from='{stranger}' to='{GATEWAY}' type='error' id='1.0'><error/></message>"),
        parse(f"<presence from='mallory@example.com' to='bob@{GATEWAY}' type='subscribe'/>"),
    )
    assert bench.events == []
    assert [each["type"] for each in bench.wire.sent] == ["error", "error", "error", "unsubscribed"]


PROPOSE = "<propose xmlns='urn:xmpp:jingle-message:0' id='s'/>"


@pytest.mark.parametrize(
    ("kind", "inside", "expected"),
    [
        ("chat", PROPOSE, [CallProposed(f"{USER}/a", GATEWAY, "s", ())]),
        ("normal", PROPOSE, [CallProposed(f"{USER}/a", GATEWAY, "s", ())]),
        ("chat", f"{PROPOSE}<body>Your client cannot call.</body>", [CallProposed(f"{USER}/a", GATEWAY, "s", ())]),
        ("chat", PROPOSE.replace("id='s'", ""), []),
        ("headline", PROPOSE, []),
        ("error", PROPOSE, [IqFailed("1.0", f"{USER}/a", "undefined-condition")]),
    ],
)
def test_a_message_about_a_call_is_an_event_or_nothing(kind: str, inside: str, expected: list[Event]) -> None:
    bench = Bench()
    bench.receive(parse(f"<message from='{USER}/a' to='{GATEWAY}' id='1.0' type='{kind}'>{inside}</message>"))
    assert [event for _, event in bench.events] == expected
    assert bench.wire.sent == []
    assert bench.faults == []


def test_a_call_cannot_be_proposed_to_a_group() -> None:
    bench = Bench()
    bench.receive(parse(f"<message from='{USER}/a' to='{GATEWAY}' id='1.0' type='groupchat'>{PROPOSE}</message>"))
    assert bench.events == []
    assert [(each["type"], each["id"]) for each in bench.wire.sent] == [("error", "1.0")]


def test_only_users_have_events() -> None:
    bench = Bench()
    bench.receive(
        iq(REGISTER, sender="example.org"), parse(f"<presence from='example.org' to='{GATEWAY}'/>"), iq("", "result")
    )
    assert bench.events == []
    assert [str(each.error.firstChildElement().name) for each in bench.wire.sent] == ["service-unavailable"]


def test_a_request_with_two_payloads_is_a_bad_request() -> None:
    bench = Bench()
    bench.receive(iq("<ping xmlns='urn:xmpp:ping'/>" * 2, "get"))
    assert bench.wire.sent[0].error["type"] == "modify"
    assert str(bench.wire.sent[0].error.text) == texts.NOT_ONE_PAYLOAD


def test_each_registration_has_a_nonce_of_its_own() -> None:
    bench = Bench()
    bench.receive(iq(REGISTER), iq(REGISTER))
    nonces = {event.nonce for _, event in bench.events if isinstance(event, RegistrationSubmitted)}
    assert len(nonces) == 2
    assert all(len(nonce) == 8 for nonce in nonces)
    assert "s3cret" not in repr(bench.events)


def test_without_a_password_nothing_is_stored() -> None:
    bench = Bench(stored=lambda: fail(AssertionError("asked to keep nothing")))
    bench.receive(iq(REGISTER.replace("<password>s3cret</password>", "")))
    [(_, submitted)] = bench.events
    assert isinstance(submitted, RegistrationSubmitted)
    assert submitted.secret is None


def test_a_password_that_cannot_be_kept_is_said_so() -> None:
    bench = Bench(stored=lambda: fail(OSError("disk full")))
    bench.receive(iq(REGISTER))
    assert bench.events == []
    assert bench.wire.sent[0].error["type"] == "wait"
    assert str(bench.wire.sent[0].error.text) == texts.PASSWORD_NOT_STORED
    assert len(bench.faults) == 1
    assert "s3cret" not in str(bench.faults)


STANZAS = {
    "submit": iq(REGISTER),
    "submit without a password": iq(REGISTER.replace("<password>s3cret</password>", "")),
    "cancel": iq("<query xmlns='jabber:iq:register'><remove/></query>"),
    "ask for the form": iq("<query xmlns='jabber:iq:register'/>", "get"),
    "malformed": iq("<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='form'/></query>"),
    "propose": parse(f"<message from='{USER}/a' to='{GATEWAY}' id='1.0' type='chat'>{PROPOSE}</message>"),
    "available": parse(f"<presence from='{USER}/a' to='{GATEWAY}'/>"),
    "unavailable": parse(f"<presence from='{USER}/a' to='{GATEWAY}' type='unavailable'/>"),
    "result": parse(f"<iq type='result' id='1.0' from='{USER}/a' to='{GATEWAY}'/>"),
}
"""Stanzas of one user that each lead to an event."""


class SlowVault:
    """Keeps passwords when the test says so."""

    def __init__(self) -> None:
        self.keeping: list[Deferred[str]] = []

    def keep(self) -> Deferred[str]:
        self.keeping.append(Deferred())
        return self.keeping[-1]


def kinds_of(bench: Bench) -> list[type[Event]]:
    return [type(event) for _, event in bench.events]


@given(st.lists(st.sampled_from(sorted(STANZAS)), max_size=8), st.data())
@example(["submit", "cancel"], None)
def test_stanzas_take_effect_in_the_order_in_which_they_came(names: list[str], data: st.DataObject | None) -> None:
    quick, vault = Bench(), SlowVault()
    slow = Bench(vault.keep)
    quick.receive(*(STANZAS[name] for name in names))
    slow.receive(*(STANZAS[name] for name in names))
    order = data.draw(st.permutations(vault.keeping)) if data else vault.keeping
    for each in order:
        assert kinds_of(slow) == kinds_of(quick)[: len(slow.events)]
        each.callback("secret-1")
    assert kinds_of(slow) == kinds_of(quick)
    assert len(kinds_of(quick)) == len(names)


def test_a_password_that_cannot_be_kept_holds_nobody_up() -> None:
    vault = SlowVault()
    bench = Bench(vault.keep)
    bench.receive(STANZAS["submit"], STANZAS["cancel"])
    assert bench.events == []
    with capturedLogs():
        vault.keeping[0].errback(OSError("disk full"))
    assert kinds_of(bench) == [RegistrationCancelled]
    assert str(bench.wire.sent[0].error.text) == texts.PASSWORD_NOT_STORED


def test_other_users_do_not_wait() -> None:
    vault = SlowVault()
    bench = Bench(vault.keep)
    bench.receive(STANZAS["submit"], parse(f"<presence from='bob@example.org/b' to='{GATEWAY}'/>"))
    assert [user for user, _ in bench.events] == ["bob@example.org"]
    vault.keeping[0].callback("secret-1")
    bench.receive(STANZAS["available"])
    assert kinds_of(bench)[1:] == [RegistrationSubmitted, ResourceAvailable]


def test_a_bug_where_an_event_is_made_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = SlowVault()
    bench = Bench(vault.keep)
    bench.receive(STANZAS["submit"], STANZAS["available"])
    monkeypatch.setattr(submitting, "replace", lambda *_, **__: 1 / 0)
    with capturedLogs() as said:
        vault.keeping[0].callback("secret-1")
    assert kinds_of(bench) == [ResourceAvailable]
    assert [event["log_format"] for event in said] == [texts.NO_EVENT_BUG]


def test_a_fault_is_answered_logged_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    with monkeypatch.context() as patch:
        patch.setattr(stateless_iq, "answer", lambda *_: 1 / 0)
        bench.receive(iq("<ping xmlns='urn:xmpp:ping'/>", "get"))
    assert bench.wire.sent[0].error.firstChildElement().name == "internal-server-error"
    assert str(bench.wire.sent[0].error.text) == texts.BUG
    assert len(bench.faults) == 1
    assert bench.faults[0]["log_failure"].type is ZeroDivisionError
    bench.receive(parse(f"<iq type='result' id='1.0' from='{USER}/a' to='{GATEWAY}'/>"))
    assert bench.events == [(USER, IqSucceeded("1.0", f"{USER}/a"))]


def test_the_settings_hide_their_secret() -> None:
    assert SETTINGS.secret not in repr(SETTINGS)


# --- what is not let in

WAIT = Rejection("wait", "policy-violation", "Too much.")
NEVER = Rejection("cancel", "not-allowed", "No.")
PROPOSAL = (
    "<propose xmlns='urn:xmpp:jingle-message:0' id='p'>"
    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>"
)
JINGLE = "<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s'/>"
REFUSED_STANZAS = (
    (f"<iq type='get' id='i' from='{USER}/a' to='{GATEWAY}'><ping xmlns='urn:xmpp:ping'/></iq>", "iq"),
    (f"<iq type='set' id='i' from='{USER}/a' to='b@{GATEWAY}'>{JINGLE}</iq>", "iq"),
    (f"<iq type='set' id='i' from='{USER}/a' to='{GATEWAY}'>{REGISTER}</iq>", "iq"),
    (f"<presence type='subscribe' from='{USER}' to='b@{GATEWAY}'/>", "presence"),
    (f"<message from='{USER}/a' to='b@{GATEWAY}'>{PROPOSAL}</message>", "message"),
    (f"<presence from='{USER}/a' to='{GATEWAY}'/>", None),
    (f"<presence type='unavailable' from='{USER}/a' to='{GATEWAY}'/>", None),
    (f"<iq type='result' id='1.0' from='{USER}/a' to='{GATEWAY}'/>", None),
    (f"<message type='error' id='1.0' from='{USER}/a' to='{GATEWAY}'/>", None),
)


@pytest.mark.parametrize(("stanza", "answer"), REFUSED_STANZAS)
def test_a_stanza_that_is_not_let_in_is_answered_and_does_nothing(stanza: str, answer: str | None) -> None:
    bench = Bench(pytest.fail)
    bench.admission.stanzas = WAIT
    bench.receive(parse(stanza))
    assert (bench.events, bench.faults) == ([], [])
    assert [each.name for each in bench.wire.sent] == ([answer] if answer else [])
    for each in bench.wire.sent:
        xml = each.toXml()
        assert ("policy-violation" in xml and 'type="error"' in xml.replace("'", '"')) or "<reject" in xml
        assert WAIT.text in xml


@pytest.mark.parametrize(("stanza", "answer"), REFUSED_STANZAS[1:])
def test_so_is_an_event(stanza: str, answer: str | None) -> None:
    bench = Bench(pytest.fail)
    bench.admission.events = NEVER
    bench.receive(parse(stanza))
    assert (bench.events, bench.faults) == ([], [])
    assert [each.name for each in bench.wire.sent] == ([answer] if answer else [])
    assert all(NEVER.text in each.toXml() for each in bench.wire.sent)


def test_a_proposal_that_is_not_let_in_is_rejected() -> None:
    for refusal, reason in ((WAIT, "general-error"), (NEVER, "security-error")):
        bench = Bench()
        bench.admission.events = refusal
        bench.receive(parse(f"<message from='{USER}/a' to='b@{GATEWAY}'>{PROPOSAL}</message>"))
        [rejection] = bench.wire.sent
        assert (rejection["to"], rejection["from"]) == (f"{USER}/a", f"b@{GATEWAY}/fargo")
        assert reason in rejection.toXml()


def test_all_contacts_are_shown_with_a_stanza_each() -> None:
    bench = Bench()
    bench.adapter.do(Issued(USER, "5.0", ShowContacts(USER, PresenceKind.AVAILABLE)))
    assert [(each.name, each["from"], each["to"]) for each in bench.wire.sent] == [
        ("presence", f"{contact}/fargo", USER) for contact in CONTACTS
    ]
    assert all("caps" in each.toXml() for each in bench.wire.sent)


def test_users_who_are_denied_are_told_so_and_further_ones_are_served() -> None:
    bench = Bench()
    bench.adapter.serve(
        replace(SETTINGS, denied_users=frozenset({USER}), allowed_users=frozenset({"carol@example.com"}))
    )
    for sender in (f"{USER}/a", "carol@example.com/x", "dave@example.org/x", "eve@example.com/x"):
        bench.receive(iq("<query xmlns='jabber:iq:register'/>", "get", sender))
    assert [user for user, _ in bench.events] == ["carol@example.com", "dave@example.org"]
    denied, other = bench.wire.sent
    assert texts.USER_NOT_SERVED.format(user=USER) in denied.toXml()
    assert texts.DOMAIN_NOT_SERVED.format(domain="example.com") in other.toXml()


@pytest.mark.parametrize("sender", [f"{USER.upper()}/a", f"b@{GATEWAY}/fargo", GATEWAY, "a@b@example.org", f"{USER}/"])
def test_what_no_server_can_have_sent_is_dropped(sender: str) -> None:
    bench = Bench()
    bench.receive(parse(f"<presence from='{sender}' to='{GATEWAY}'/>"))
    bench.receive(iq("<ping xmlns='urn:xmpp:ping'/>", "get", sender))
    assert (bench.events, bench.wire.sent) == ([], [])
