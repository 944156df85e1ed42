"""The answers to ad-hoc commands (XEP-0050): those of the chat (`desk`), or a form where a chat explains
what to write.

Rule: a command has no state here. What a form is about is in the form, and in its session's name.
"""

from typing import Final

from fargo.statemachine.account import account_state
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import AnswerCommand, SendForm
from fargo.statemachine.model.events import CommandAsked
from fargo.statemachine.model.requests import (
    AskBusy,
    AskCall,
    AskForward,
    AskKeep,
    AskRemoval,
    AskRules,
    AskStay,
    AskTransfer,
    CommandForm,
    FormField,
    GatewayRequest,
    KeepContact,
)
from fargo.statemachine.numbering_examples import example
from fargo.statemachine.self_service import desk, keeping, rules, texts
from fargo.statemachine.user_state import User, country, is_woken

BUSY: Final = "busy"
"""The field that says whether the user is not to be disturbed."""
STAY: Final = "stay"
"""The field that says whether the user stays signed in without a client."""
CALL: Final = "number"
"""The field with the number or SIP address to call."""
FORWARD: Final = "number"
"""The field with the number or SIP address to which calls are forwarded."""
TRANSFER: Final = "number"
"""The field with the number or SIP address to which the call is transferred."""
SURE: Final = "sure"
"""The field that confirms that the registration is to be cancelled."""


RULE: Final = "rule"
"""The field with a dial rule to add."""
NUMBER: Final = "number"
"""The field with a number to try, which changes nothing."""
NAME: Final = "name"
"""The field with the name of a contact to keep."""
DELETE: Final = "delete"
"""The field with the number of a dial rule to delete."""


def asked(user: User, event: CommandAsked, effects: Effects) -> User:
    """Do what the user asks, and answer; or ask what it takes."""
    if (form := _form(user, event.request, effects)) is not None:
        effects.emit(SendForm(event.iq, form))
        return user
    after, text = desk.answered(user, event.request, event.iq.to, effects)
    effects.emit(AnswerCommand(event.iq, text))
    keeping.offer(user, event.request, event.iq.to, effects)
    return after


def _form(user: User, request: GatewayRequest, effects: Effects) -> CommandForm | None:
    known = account_state.in_force(user.account)
    if known is None:
        return None
    match request:
        case AskBusy():
            field = FormField("boolean", BUSY, texts.FIELD_BUSY, "true" if user.settings.busy else "false")
            return CommandForm(texts.TITLE_BUSY, texts.INSTRUCTIONS_BUSY, (field,))
        case AskStay():
            stay = FormField("boolean", STAY, texts.FIELD_STAY, "true" if is_woken(user) else "false")
            return CommandForm(texts.TITLE_STAY, texts.INSTRUCTIONS_STAY, (stay,))
        case AskCall():
            number = FormField("text-single", CALL, texts.FIELD_FORWARD)
            instructions = texts.INSTRUCTIONS_CALL.format(number=example(country(user)))
            return CommandForm(texts.TITLE_CALL, instructions, (number,))
        case AskTransfer():
            to = FormField("text-single", TRANSFER, texts.FIELD_FORWARD)
            return CommandForm(texts.TITLE_TRANSFER, texts.INSTRUCTIONS_TRANSFER, (to,))
        case AskKeep():
            last = keeping.wanted(user, KeepContact(), known.gateway)
            known_number, known_name = ("", "") if isinstance(last, str) else (last.jid, last.name)
            whom = FormField("text-single", NUMBER, texts.FIELD_FORWARD, known_number)
            name = FormField("text-single", NAME, texts.FIELD_NAME, known_name)
            return CommandForm(texts.TITLE_KEEP, texts.INSTRUCTIONS_KEEP, (whom, name))
        case AskForward():
            _, now = desk.answered(user, request, known.gateway, effects)
            to = FormField("text-single", FORWARD, texts.FIELD_FORWARD)
            return CommandForm(texts.TITLE_FORWARD, f"{now}\n{texts.INSTRUCTIONS_FORWARD}", (to,))
        case AskRemoval():
            sure = FormField("boolean", SURE, texts.FIELD_SURE, "false")
            return CommandForm(texts.TITLE_REMOVAL, texts.REALLY_REMOVE.format(account=known.uri), (sure,))
        case AskRules():
            added = FormField("text-single", RULE, texts.FIELD_RULE)
            number = FormField("text-single", NUMBER, texts.FIELD_NUMBER)
            deleted = FormField("text-single", DELETE, texts.FIELD_DELETE)
            instructions = f"{rules.listed(user)}\n{texts.INSTRUCTIONS_RULES}"
            return CommandForm(texts.TITLE_RULES, instructions, (added, number, deleted))
        case _:
            return None
