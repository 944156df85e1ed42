"""The answers to ad-hoc commands: those of the chat, and forms."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.model.commands import (
    AcceptIq,
    AnswerCommand,
    ForgetSecret,
    RefuseIq,
    SendForm,
    SendRegistrationForm,
    SignIn,
)
from fargo.statemachine.model.events import (
    CommandAsked,
    PolicyChanged,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
)
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
    CallNumber,
    DialRule,
    EndCalls,
    GatewayRequest,
    NotUnderstood,
    SetBusy,
    SetForward,
    SetStay,
    ShowCalls,
    ShowHelp,
    ShowStatus,
    TryNumber,
)
from fargo.statemachine.self_service import commands, texts

from ..story import ALICE, DESK, GATEWAY, Story
from ..user_agent.phone import Phoning
from .test_desk import ask

STEP = Iq(DESK, GATEWAY, "7", ByCommand("status", "status:12345678"))


def run(story: Story, request: GatewayRequest) -> str:
    """Return the one answer to a command."""
    story.tell(CommandAsked(STEP, request))
    answer = story.the(AnswerCommand)
    assert answer.iq == STEP
    return answer.text


@pytest.mark.parametrize(
    "request_", [ShowHelp(), NotUnderstood(), ShowStatus(), ShowCalls(), EndCalls(), SetBusy(True)]
)
@pytest.mark.parametrize("registered", [True, False])
def test_a_command_is_answered_as_in_the_chat(request_: GatewayRequest, registered: bool) -> None:
    by_command, by_chat = (Phoning() if registered else Story() for _ in range(2))
    assert run(by_command, request_) == ask(by_chat, request_)
    assert by_command.user == by_chat.user


def test_a_form_shows_how_things_are() -> None:
    story = Phoning()
    for busy in (False, True):
        story.tell(CommandAsked(STEP, AskBusy()))
        [field] = story.the(SendForm).form.fields
        assert (field.name, field.kind, field.value) == (commands.BUSY, "boolean", str(busy).lower())
        run(story, SetBusy(True))


def test_dial_rules_are_shown_in_their_form_and_tried_before_they_are_added() -> None:
    story, rule = Phoning(), DialRule("s/^0/+44/")
    run(story, AddRule(DialRule("s/^1/2/")))
    story.tell(CommandAsked(STEP, AskRules()))
    form = story.the(SendForm).form
    assert form.instructions == f"1: s/^1/2/\n{texts.INSTRUCTIONS_RULES}"
    assert [each.name for each in form.fields] == [commands.RULE, commands.NUMBER, commands.DELETE]
    assert run(story, TryNumber("01632960000", rule=rule)) == "01632960000 becomes +441632960000."
    assert run(story, TryNumber("01632960000")) == "01632960000 stays as it is."
    assert run(story, AddRule(rule)) == "Rule 2: s/^0/+44/"
    assert run(story, TryNumber("01632960000")) == "01632960000 becomes +441632960000."


def test_forms_show_what_happens_to_calls_without_a_client() -> None:
    story = Phoning()
    for request, change in ((AskStay(), SetStay(True)), (AskForward(), SetForward("+44 1632 960111"))):
        before, told = [], []
        for _ in range(2):
            told.append(ask(story, request))
            story.tell(CommandAsked(STEP, request))
            before.append(story.the(SendForm).form)
            run(story, change)
        assert before[0] != before[1]
        assert told[0] != told[1]


@pytest.mark.parametrize(("country", "number"), [(None, "+44 1632 960000"), ("DE", "030 23125000")])
def test_a_number_to_call_is_asked_for_with_one_of_the_country(country: str | None, number: str) -> None:
    story = Phoning()
    story.tell(PolicyChanged(replace(story.user.policy, country=country)))
    story.tell(CommandAsked(STEP, AskCall()))
    form = story.the(SendForm).form
    assert [each.name for each in form.fields] == [commands.CALL]
    assert form.instructions.endswith(f"such as {number}.")
    assert ask(story, AskCall()) == texts.CALL_WHOM.format(number=number)
    assert f"call {number}: your clients ring" in ask(story, ShowHelp())
    assert run(story, CallNumber(number)) == texts.CLIENTS_RING


def test_a_removal_is_confirmed_first() -> None:
    story = Phoning()
    story.tell(CommandAsked(STEP, AskRemoval()))
    form = story.the(SendForm).form
    assert "sip:alice@sip.test" in form.instructions
    assert [(each.name, each.value) for each in form.fields] == [(commands.SURE, "false")]
    story.tell(RegistrationCancelled(STEP))
    assert story.the(AcceptIq) == AcceptIq(STEP, "Your SIP account is removed here.")


FORMS = [AskBusy(), AskCall(), AskKeep(), AskRemoval(), AskRules(), AskStay(), AskForward()]


@pytest.mark.parametrize("request_", FORMS)
def test_who_has_no_account_gets_no_form(request_: GatewayRequest) -> None:
    assert run(Story(), request_) == texts.UNREGISTERED.format(gateway=GATEWAY)


def test_an_account_is_registered_as_by_any_form() -> None:
    story = Story()
    story.tell(RegistrationAsked(STEP))
    assert story.the(SendRegistrationForm).iq == STEP
    story.tell(RegistrationSubmitted(STEP, SipAccount("alice@sip.test"), "s1", "nonce"))
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert story.the(AcceptIq) == AcceptIq(STEP, "Registered. Signed in as sip:alice@sip.test.")
    assert story.user.jid == ALICE


def test_what_is_wrong_with_an_account_is_told_in_the_answer() -> None:
    story = Story()
    story.tell(RegistrationSubmitted(STEP, SipAccount("alice@sip.test"), "s1", "nonce"))
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.CREDENTIALS))
    assert story.the(RefuseIq).iq == STEP
    assert "password of sip:alice@sip.test" in story.the(RefuseIq).text
    assert story.the(ForgetSecret).secret == "s1"
