"""Users' words to the gateway itself."""

import pytest

from fargo.adapters.xmpp import chat, messages, texts
from fargo.statemachine.dial_rules.texts import USAGE
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.events import GatewayAsked, RegistrationCancelled
from fargo.statemachine.model.iq import ByChat, Iq
from fargo.statemachine.model.requests import (
    AddRule,
    AskBusy,
    AskCall,
    AskConference,
    AskForward,
    AskRemoval,
    AskStay,
    CallNumber,
    DeleteRule,
    DialRule,
    EndCalls,
    GatewayRequest,
    GiveUp,
    KeepContact,
    NotUnderstood,
    Register,
    RuleRefused,
    SetBusy,
    SetForward,
    SetStay,
    ShowCalls,
    ShowHelp,
    ShowRules,
    ShowStatus,
    TransferCall,
    TryNumber,
)

from .elements import parse

GATEWAY = "sip.localhost"


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        ("help", ShowHelp()),
        ("?", ShowHelp()),
        (" Status\n", ShowStatus()),
        ("/calls", ShowCalls()),
        ("hang\u00a0 up", EndCalls()),
        ("HANGUP", EndCalls()),
        ("Transfer", TransferCall()),
        ("transfer 01632 960000", TransferCall("01632 960000")),
        ("transfer to Bob", NotUnderstood()),
        ("Conference", AskConference()),
        ("merge", AskConference()),
        ("Busy  ON", SetBusy(True)),
        ("busy off", SetBusy(False)),
        ("Rules", ShowRules()),
        ("/sed", ShowRules()),
        ("SED -l", ShowRules()),
        ("/sed  s/^0/+44/ ", AddRule(DialRule("s/^0/+44/"))),
        ("sed -o 's/ 1/2/I'", AddRule(DialRule("s/ 1/2/I", Direction.OUT))),
        ("sed -d2", DeleteRule(2)),
        ("sed -d 17", DeleteRule(17)),
        ("sed -t 01632-960 000", TryNumber("01632960000")),
        ("sed -i -t 1", TryNumber("1", Direction.IN)),
        ("sed -t bob", RuleRefused(texts.NO_NUMBER_TO_TRY)),
        ("sed -t", RuleRefused(texts.NO_NUMBER_TO_TRY)),
        ("sed secret", RuleRefused(USAGE)),
        ("sed -d x", RuleRefused(texts.NO_RULE_NUMBER)),
        ("sed -d", RuleRefused(texts.NO_RULE_NUMBER)),
        ("sedative", NotUnderstood()),
        ("busy", AskBusy()),
        ("stay", AskStay()),
        ("forward", AskForward()),
        ("Call", AskCall()),
        ("keep", KeepContact()),
        ("/Keep  01632 960-000", KeepContact("01632 960-000")),
        ("keep 01632 960000 as Bob  Smith\u202e\n", KeepContact("01632 960000", "Bob Smith")),
        ("keep as Bob as he is", KeepContact(None, "Bob as he is")),
        ("keep bob@sip.test AS Bob", KeepContact("bob@sip.test", "Bob")),
        (f"keep 1 as {'x' * 81}", NotUnderstood()),
        (f"keep {'1' * 9999}", NotUnderstood()),
        ("keepsake", NotUnderstood()),
        ("Register Alice@sip.test", Register("Alice@sip.test")),
        ("/register  sip:alice@sip.test", Register("sip:alice@sip.test")),
        ("Register", Register("")),
        ("register s3cret", Register("")),
        ("register alice@sip.test s3cret", NotUnderstood()),
        (f"register alice@{'x' * 1020}", NotUnderstood()),
        ("unregister", AskRemoval()),
        ("Cancel", GiveUp()),
        ("stay on", SetStay(True)),
        ("/Stay off", SetStay(False)),
        ("forward off", SetForward(None)),
        ("Forward OFF", SetForward(None)),
        ("forward to Bob", NotUnderstood()),
        ("call me, please", NotUnderstood()),
        ("call Bob <sip:bob@example.com>", CallNumber("Bob <sip:bob@example.com>")),
        ("keep Bob Smith", NotUnderstood()),
        ("keep 01632 960000 as", NotUnderstood()),
        ("Forward  +44 (0)1632  960111", SetForward("+44 (0)1632 960111")),
        ("call bob@example.com", CallNumber("bob@example.com")),
        ("call off", NotUnderstood()),
        (f"forward {'1' * 1025}", NotUnderstood()),
        ("status please", NotUnderstood()),
        ("", NotUnderstood()),
    ],
)
def test_requests(body: str, request_: GatewayRequest) -> None:
    assert chat.request(body) == request_


@pytest.mark.parametrize(
    ("attributes", "inside", "taken"),
    [
        ("type='chat' to='sip.localhost'", "<body>help</body>", True),
        ("to='sip.localhost/fargo'", "<body>help</body><active xmlns='http://jabber.org/protocol/chatstates'/>", True),
        ("type='chat' to='sip.localhost'", "<body> </body>", False),
        ("type='chat' to='sip.localhost'", "<subject>help</subject>", False),
        ("type='chat' to='bob@sip.localhost'", "<body>help</body>", False),
        ("type='groupchat' to='sip.localhost'", "<body>help</body>", False),
        ("type='headline' to='sip.localhost'", "<body>help</body>", False),
    ],
)
def test_only_chats_with_the_gateway_are_requests(attributes: str, inside: str, taken: bool) -> None:
    message = parse(f"<message from='alice@localhost/x' {attributes}>{inside}</message>")
    asked = GatewayAsked("alice@localhost/x", GATEWAY, ShowHelp())
    assert messages.text(message) == ("help" if taken else None)
    if taken:
        assert messages.event(message, "help") == asked


def test_a_removal_has_to_be_confirmed_word_by_word() -> None:
    message = parse("<message from='alice@localhost/x' to='sip.localhost' id='7' type='chat'/>")
    confirmed = RegistrationCancelled(Iq("alice@localhost/x", GATEWAY, "7", ByChat()))
    assert messages.event(message, " Unregister  YES") == confirmed
    assert messages.event(message, "unregister no") == GatewayAsked("alice@localhost/x", GATEWAY, NotUnderstood())


@pytest.mark.parametrize(("body", "secret"), [("s3cret", True), ("help", True), ("cancel", False), ("/CANCEL", False)])
def test_what_is_written_when_a_password_is_asked_for_is_one(body: str, secret: bool) -> None:
    assert chat.is_password(body) == secret
    assert not chat.is_password("register bob@sip.test")
