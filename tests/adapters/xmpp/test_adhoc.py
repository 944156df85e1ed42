"""Ad-hoc commands (XEP-0050): what is asked, what is wrong with it, and the answers."""

import pytest
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import adhoc, disco, registration
from fargo.adapters.xmpp.stanza import NS_COMMANDS
from fargo.statemachine.dial_rules.texts import NO_END
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.commands import AcceptIq, AnswerCommand, RefuseIq, SendForm, SendRegistrationForm
from fargo.statemachine.model.events import CommandAsked, RegistrationAsked, RegistrationCancelled, SipAccount
from fargo.statemachine.model.iq import ByCommand, Iq
from fargo.statemachine.model.requests import (
    AddRule,
    AskBusy,
    AskCall,
    AskForward,
    AskKeep,
    AskRemoval,
    AskRules,
    AskStay,
    AskTransfer,
    CallNumber,
    CommandForm,
    DeleteRule,
    DialRule,
    EndCalls,
    FormField,
    GatewayRequest,
    KeepContact,
    RuleRefused,
    SetBusy,
    SetForward,
    SetStay,
    ShowCalls,
    ShowRules,
    ShowStatus,
    TransferCall,
    TryNumber,
)

from .elements import parse

GATEWAY = "sip.example.org"
IQ = Iq("alice@example.org/a", GATEWAY, "1")


def command(inside: str = "", **attributes: str) -> Element:
    given = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return parse(f"<command xmlns='{NS_COMMANDS}'{given}>{inside}</command>")


def filled(kind: str = "submit", **fields: str) -> str:
    rows = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items())
    return f"<x xmlns='jabber:x:data' type='{kind}'>{rows}</x>"


def session(node: str) -> str:
    return f"{node}:abcdef-_"


def within(node: str) -> Iq:
    return Iq(IQ.sender, IQ.to, IQ.id, ByCommand(node, session(node)))


TRIED = TryNumber("01632960000", Direction.IN, DialRule("s/^0/+44/", Direction.IN))
BEGINNINGS: dict[str, GatewayRequest] = {
    "unregister": AskRemoval(),
    "status": ShowStatus(),
    "calls": ShowCalls(),
    "busy": AskBusy(),
    "call": AskCall(),
    "transfer": AskTransfer(),
    "keep": AskKeep(),
    "stay": AskStay(),
    "forward": AskForward(),
    "rules": AskRules(),
    "hang-up": EndCalls(),
}


@pytest.mark.parametrize("node", BEGINNINGS)
def test_a_command_begins_with_a_session_of_its_own(node: str) -> None:
    events = [adhoc.read(IQ, command(node=node)), adhoc.read(IQ, command(node=node, action="execute"))]
    sessions = set()
    for event in events:
        assert isinstance(event, CommandAsked)
        assert isinstance(event.iq.by, ByCommand)
        assert (event.request, event.iq.by.node) == (BEGINNINGS[node], node)
        sessions.add(event.iq.by.session)
    assert len(sessions) == 2


def test_all_commands_are_tested() -> None:
    assert set(adhoc.names()) == {*BEGINNINGS, "register"}


def test_registration_begins_with_its_form() -> None:
    assert isinstance(adhoc.read(IQ, command(node="register")), RegistrationAsked)


@pytest.mark.parametrize("action", ["execute", "next", "complete"])
def test_a_form_is_submitted(action: str) -> None:
    def submit(node: str, **fields: str) -> object:
        return adhoc.read(IQ, command(filled(**fields), node=node, sessionid=session(node), action=action))

    for value, on in (("1", True), ("true", True), ("0", False), ("false", False), ("", False)):
        assert submit("busy", busy=value) == CommandAsked(within("busy"), SetBusy(on))
    assert submit("busy") == CommandAsked(within("busy"), SetBusy(False))
    assert submit("stay", stay="1") == CommandAsked(within("stay"), SetStay(True))
    assert submit("call", number=" 0163 ") == CommandAsked(within("call"), CallNumber("0163"))
    assert submit("transfer", number=" 0163 ") == CommandAsked(within("transfer"), TransferCall("0163"))
    assert submit("transfer", number=" ") == CommandAsked(within("transfer"), TransferCall())
    assert submit("call", number=" ") == CommandAsked(within("call"), AskCall())
    assert submit("keep", number=" 0163 ", name=" Bob ") == CommandAsked(within("keep"), KeepContact("0163", "Bob"))
    assert submit("keep", number="") == CommandAsked(within("keep"), KeepContact())
    assert submit("forward", number=" 0163 ") == CommandAsked(within("forward"), SetForward("0163"))
    assert submit("forward", number="Off") == CommandAsked(within("forward"), SetForward(None))
    assert submit("forward", number=" ") == CommandAsked(within("forward"), SetForward(None))
    assert submit("unregister", sure="1") == RegistrationCancelled(within("unregister"))
    assert submit("unregister", sure="0") == CommandAsked(within("unregister"), AskRemoval())
    account = registration.Submission(SipAccount("a@b"), "s3cret")
    assert submit("register", username="a@b", password="s3cret") == adhoc.Submitted(within("register"), account)


@pytest.mark.parametrize(
    ("fields", "request_"),
    [
        ({"rule": "s/^0/+44/"}, AddRule(DialRule("s/^0/+44/"))),
        ({"rule": "s/^0", "number": "0"}, RuleRefused(NO_END.format(delimiter="/"))),
        ({"rule": "-i s/^0/+44/", "number": "01632 960000"}, TRIED),
        ({"number": "01632-960000", "delete": "1"}, TryNumber("01632960000")),
        ({"rule": " ", "delete": " 2 "}, DeleteRule(2)),
        ({}, ShowRules()),
    ],
)
def test_dial_rules_are_changed_and_tried_by_a_form(fields: dict[str, str], request_: GatewayRequest) -> None:
    asked = command(filled(**fields), node="rules", sessionid=session("rules"))
    assert adhoc.read(IQ, asked) == CommandAsked(within("rules"), request_)


@pytest.mark.parametrize("node", ["busy", "register"])
@pytest.mark.parametrize(("inside", "action"), [("", "cancel"), (filled("cancel"), "execute"), (filled(), "cancel")])
def test_a_command_is_cancelled(node: str, inside: str, action: str) -> None:
    read = adhoc.read(IQ, command(inside, node=node, sessionid=session(node), action=action))
    assert read == adhoc.Cancelled(within(node))
    [answer] = adhoc.canceled(within(node)).elements()
    assert (answer["status"], answer["sessionid"]) == ("canceled", session(node))


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        (command(node="status", action="jump"), "malformed-action"),
        (command(node="status", action="next"), "bad-action"),
        (command(node="busy", action="cancel"), "bad-action"),
        (command(node="busy", action="prev", sessionid=session("busy")), "bad-action"),
        (command(node="status", sessionid=session("status")), "bad-action"),
        (command(filled(), node="busy", sessionid=session("status")), "bad-sessionid"),
        (command(filled(), node="busy", sessionid="busy"), "bad-sessionid"),
        (command(filled(), node="busy", sessionid="busy:" + "a" * 9), "bad-sessionid"),
        (command(node="busy", sessionid=session("busy")), "bad-payload"),
        (command(filled("form"), node="busy", sessionid=session("busy")), "bad-payload"),
        (command(filled(busy="maybe"), node="busy", sessionid=session("busy")), "bad-payload"),
        (command(filled(name="x" * 81), node="keep", sessionid=session("keep")), "bad-payload"),
        *(
            (command(filled(number="to Bob"), node=node, sessionid=session(node)), "bad-payload")
            for node in ("call", "forward", "keep", "transfer")
        ),
        (command(filled(number="bob"), node="rules", sessionid=session("rules")), "bad-payload"),
        (command(filled(delete="all"), node="rules", sessionid=session("rules")), "bad-payload"),
        (command(filled() * 2, node="busy", sessionid=session("busy")), "bad-payload"),
        (command(filled(**{"x-port": "0"}), node="register", sessionid=session("register")), "bad-payload"),
    ],
)
def test_what_cannot_be_done_is_named(asked: Element, condition: str) -> None:
    with pytest.raises(StanzaError, match="bad-request") as raised:
        adhoc.read(IQ, asked)
    assert raised.value.type == "modify"
    assert (raised.value.appCondition.uri, raised.value.appCondition.name) == (NS_COMMANDS, condition)
    assert raised.value.text


def test_there_is_no_other_command() -> None:
    with pytest.raises(StanzaError, match="item-not-found"):
        adhoc.read(IQ, command(node="shutdown"))
    with pytest.raises(StanzaError, match="item-not-found"):
        adhoc.read(IQ, command())


# --- answers


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (AnswerCommand(within("status"), "a\nb <c>"), "info"),
        (AcceptIq(within("status"), "a\nb <c>"), "info"),
        (RefuseIq(within("status"), "modify", "not-acceptable", "a\nb <c>"), "error"),
    ],
)
def test_a_command_is_completed_with_a_note(answer: adhoc.CommandAnswer, kind: str) -> None:
    made = parse(adhoc.stanza(answer).toXml())
    assert (made["type"], made["from"], made["to"], made["id"]) == ("result", GATEWAY, IQ.sender, "1")
    assert (made.command["status"], made.command["node"]) == ("completed", "status")
    assert (made.command.note["type"], str(made.command.note)) == (kind, "a\nb <c>")


def test_a_form_is_sent_with_what_can_be_done_with_it() -> None:
    form = CommandForm("Title", "Do it.", (FormField("boolean", "busy", "Busy?", "true"),))
    made = parse(adhoc.stanza(SendForm(within("busy"), form)).toXml()).command
    assert (made["status"], made["sessionid"], made.actions["execute"]) == ("executing", session("busy"), "complete")
    assert [each.name for each in made.actions.elements()] == ["complete"]
    assert (str(made.x.title), str(made.x.instructions)) == ("Title", "Do it.")
    assert (made.x.field["var"], made.x.field["type"], str(made.x.field.value)) == ("busy", "boolean", "true")


def test_the_form_of_an_account_is_that_of_the_registration() -> None:
    asked = SendRegistrationForm(within("register"), SipAccount("alice@sip.test"), srtp=("off",))
    in_query = parse(registration.stanza(asked).toXml()).query.x
    in_command = parse(adhoc.stanza(asked).toXml()).command.x
    assert in_command.toXml() == in_query.toXml()


# --- service discovery


def test_the_commands_are_listed() -> None:
    listed = disco.items(GATEWAY, disco.GATEWAY, NS_COMMANDS)
    assert {each["node"]: each["name"] for each in listed.elements()} == adhoc.names()
    assert {each["jid"] for each in listed.elements()} == {GATEWAY}
    assert NS_COMMANDS in disco.GATEWAY.features
    with pytest.raises(StanzaError, match="item-not-found"):
        disco.items("bob@sip.example.org", disco.CONTACT, NS_COMMANDS)


@pytest.mark.parametrize(
    ("node", "kind", "name"), [(NS_COMMANDS, "command-list", "Commands"), ("busy", "command-node", "Do not disturb")]
)
def test_a_command_is_described(node: str, kind: str, name: str) -> None:
    info = disco.info(disco.GATEWAY, node)
    assert (info["node"], info.identity["category"], info.identity["type"]) == (node, "automation", kind)
    assert info.identity["name"] == name
    assert {each["var"] for each in info.elements() if each.name == "feature"} == {NS_COMMANDS, "jabber:x:data"}
    assert not disco.items(GATEWAY, disco.GATEWAY, "busy").children
