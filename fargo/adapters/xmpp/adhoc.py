"""The gateway's ad-hoc commands (XEP-0050) with data forms: requests to events, answers to stanzas.

Rules:

1. No session has a state: its id is made when it begins, and names the node. So none expires, and it may be gone on
   with after a restart. What a form is about is in the form.
2. A command has one form at most. So “next” is the same as “complete”, and there is nothing to go back to.
3. What a form contains is in an event only if it is understood. The password leaves by `registration.Submission` only.
"""

import re
from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec.structs import replace
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import admins, keep_command, registration, sed_command, texts, typed_address
from fargo.adapters.xmpp.stanza import (
    NS_COMMANDS,
    MalformedError,
    add,
    attribute,
    child,
    iq_result,
    make,
    stanza_error,
)
from fargo.adapters.xmpp.wokkel_compat import data_form
from fargo.control.questions import Question
from fargo.statemachine.model.commands import AcceptIq, AnswerCommand, RefuseIq, SendForm, SendRegistrationForm
from fargo.statemachine.model.events import CommandAsked, RegistrationAsked, RegistrationCancelled
from fargo.statemachine.model.iq import ByCommand, Iq
from fargo.statemachine.model.requests import (
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
    EndCalls,
    SetBusy,
    SetForward,
    SetStay,
    ShowCalls,
    ShowStatus,
    TransferCall,
)
from fargo.statemachine.self_service.commands import BUSY, CALL, FORWARD, STAY, SURE, TRANSFER

FormValues: TypeAlias = Mapping[str, str]
AdHocEvent: TypeAlias = CommandAsked | RegistrationAsked | RegistrationCancelled
CommandAnswer: TypeAlias = AcceptIq | RefuseIq | AnswerCommand | SendForm | SendRegistrationForm


class Cancelled(NamedTuple):
    """The user has cancelled the command. ``iq``: with the session."""

    iq: Iq


class Submitted(NamedTuple):
    """The user has submitted a SIP account. ``iq``: with the session."""

    iq: Iq
    submission: registration.Submission


class Administered(NamedTuple):
    """An admin asks something. ``iq``: with the session."""

    iq: Iq
    question: Question


class AdminForm(NamedTuple):
    """An admin wants the form of a command. ``iq``: with the session."""

    iq: Iq
    form: CommandForm


CommandStep: TypeAlias = AdHocEvent | Submitted | Administered | AdminForm | Cancelled


class _Command(NamedTuple):
    """A command: its name for people, what it begins with, and what the values of its form mean, None without one."""

    name: str
    begin: Callable[[Iq], AdHocEvent]
    filled: Callable[[Iq, FormValues], AdHocEvent] | None = None


def _busy(iq: Iq, values: FormValues) -> AdHocEvent:
    return CommandAsked(iq, SetBusy(_flag(values, BUSY)))


def _stay(iq: Iq, values: FormValues) -> AdHocEvent:
    return CommandAsked(iq, SetStay(_flag(values, STAY)))


def _call(iq: Iq, values: FormValues) -> AdHocEvent:
    number = _address(values, CALL)
    return CommandAsked(iq, CallNumber(number) if number else AskCall())


def _transfer(iq: Iq, values: FormValues) -> AdHocEvent:
    return CommandAsked(iq, TransferCall(_address(values, TRANSFER) or None))


def _keep(iq: Iq, values: FormValues) -> AdHocEvent:
    return CommandAsked(iq, keep_command.submitted(values))


def _forward(iq: Iq, values: FormValues) -> AdHocEvent:
    number = _address(values, FORWARD)
    return CommandAsked(iq, SetForward(None if number.casefold() in ("", "off") else number))


def _address(values: FormValues, name: str) -> str:
    text = values.get(name, "").strip()
    if not typed_address.is_possible(text):
        raise MalformedError(texts.NO_ADDRESS)
    return text


def _removal(iq: Iq, values: FormValues) -> AdHocEvent:
    return RegistrationCancelled(iq) if _flag(values, SURE) else CommandAsked(iq, AskRemoval())


def _rules(iq: Iq, values: FormValues) -> AdHocEvent:
    return CommandAsked(iq, sed_command.submitted(values))


_REGISTER: Final = "register"
_COMMANDS: Final[Mapping[str, _Command]] = {
    _REGISTER: _Command(texts.COMMAND_REGISTER, RegistrationAsked),
    "unregister": _Command(texts.COMMAND_UNREGISTER, lambda iq: CommandAsked(iq, AskRemoval()), _removal),
    "status": _Command(texts.COMMAND_STATUS, lambda iq: CommandAsked(iq, ShowStatus())),
    "calls": _Command(texts.COMMAND_CALLS, lambda iq: CommandAsked(iq, ShowCalls())),
    "call": _Command(texts.COMMAND_CALL, lambda iq: CommandAsked(iq, AskCall()), _call),
    "transfer": _Command(texts.COMMAND_TRANSFER, lambda iq: CommandAsked(iq, AskTransfer()), _transfer),
    "keep": _Command(texts.COMMAND_KEEP, lambda iq: CommandAsked(iq, AskKeep()), _keep),
    "busy": _Command(texts.COMMAND_BUSY, lambda iq: CommandAsked(iq, AskBusy()), _busy),
    "stay": _Command(texts.COMMAND_STAY, lambda iq: CommandAsked(iq, AskStay()), _stay),
    "forward": _Command(texts.COMMAND_FORWARD, lambda iq: CommandAsked(iq, AskForward()), _forward),
    "rules": _Command(texts.COMMAND_RULES, lambda iq: CommandAsked(iq, AskRules()), _rules),
    "hang-up": _Command(texts.COMMAND_HANG_UP, lambda iq: CommandAsked(iq, EndCalls())),
}
_ACTIONS: Final = ("execute", "next", "complete", "prev", "cancel")
_NONCE_BYTES: Final = 6
_SESSION: Final = re.compile(r"(.+):[\w-]{8}", re.ASCII)


def names(admin: bool = False) -> Mapping[str, str]:
    """Return the nodes of the commands, each with its name for people. ``admin``: for an admin."""
    of_admins = {node: each.name for node, each in admins.COMMANDS.items()} if admin else {}
    return {node: each.name for node, each in _COMMANDS.items()} | of_admins


# --- requests


def read(iq: Iq, command: Element, admin: bool = False) -> CommandStep:
    """Return what a <command/> asks for. Raise StanzaError if that cannot be (XEP-0050 §4.4). ``admin``: its sender is
    one.
    """
    node, action = attribute(command, "node"), attribute(command, "action", "execute")
    session = attribute(command, "sessionid")
    if node not in names(admin):
        raise stanza_error("cancel", "item-not-found", texts.NO_SUCH_NODE)
    if action not in _ACTIONS:
        raise _error("malformed-action", texts.MALFORMED_ACTION)
    if not session:
        if action != "execute":
            raise _error("bad-action", texts.NO_SESSION_YET)
        return _begun(_of(iq, node, f"{node}:{token_urlsafe(_NONCE_BYTES)}"), node)
    parts = _SESSION.fullmatch(session)
    if not parts or parts[1] != node:
        raise _error("bad-sessionid", texts.NO_SUCH_SESSION)
    return _continued(_of(iq, node, session), node, action, command)


def _begun(iq: Iq, node: str) -> CommandStep:
    command = admins.COMMANDS.get(node)
    if command is None:
        return _COMMANDS[node].begin(iq)
    asks = command.asks
    return AdminForm(iq, asks) if isinstance(asks, CommandForm) else Administered(iq, asks)


def _continued(iq: Iq, node: str, action: str, command: Element) -> CommandStep:
    known, of_admins = _COMMANDS.get(node), admins.COMMANDS.get(node)
    has_form = node == _REGISTER or (known and known.filled) or (of_admins and isinstance(of_admins.asks, CommandForm))
    try:
        filled = child(command, data_form.NS_X_DATA, "x")
        if action == "cancel" or (filled is not None and filled.getAttribute("type") == "cancel"):
            return Cancelled(iq)
        if action == "prev" or not has_form:
            raise _error("bad-action", texts.NO_SUCH_ACTION)
        if filled is None:
            raise _error("bad-payload", texts.FORM_MISSING)
        values = registration.form_values(filled)
        if of_admins:
            return Administered(iq, admins.filled(node, values))
        if known and known.filled:
            return known.filled(iq, values)
        return Submitted(iq, registration.submission(values))
    except MalformedError as problem:
        raise _error("bad-payload", str(problem)) from None


def _of(iq: Iq, node: str, session: str) -> Iq:
    return replace(iq, by=ByCommand(node, session))


def _flag(values: FormValues, name: str) -> bool:
    value = values.get(name, "")
    if value not in ("", "0", "1", "false", "true"):
        raise MalformedError(texts.NOT_A_FLAG.format(name=name))
    return value in ("1", "true")


def _error(condition: str, text: str) -> StanzaError:
    specific = Element((NS_COMMANDS, condition))
    return StanzaError("bad-request", type="modify", text=text, textLang="en", appCondition=specific)


# --- answers


def stanza(answer: CommandAnswer, country: str | None = None) -> Element:
    """Return the IQ-result for a command of the core that answers an ad-hoc command. ``country``: the user's."""
    iq = answer.iq
    match answer:
        case SendForm(form=form):
            return _asking(iq, _form(form))
        case SendRegistrationForm():
            return _asking(iq, registration.form(answer, country))
        case RefuseIq(text=text):
            return _completed(iq, "error", text)
        case AcceptIq(text=text) | AnswerCommand(text=text):
            return _completed(iq, "info", text)


def canceled(iq: Iq) -> Element:
    """Return the IQ-result that says that a command is cancelled."""
    return iq_result(iq, _command(iq, "canceled"))


def _completed(iq: Iq, kind: str, text: str) -> Element:
    note = make("note", NS_COMMANDS, type=kind)
    note.addContent(text)
    return iq_result(iq, add(_command(iq, "completed"), note))


def _asking(iq: Iq, form: Any) -> Element:
    actions = make("actions", NS_COMMANDS, execute="complete")
    actions.addElement("complete")
    return iq_result(iq, add(_command(iq, "executing"), actions, form.toElement()))


def _command(iq: Iq, status: str) -> Element:
    assert isinstance(iq.by, ByCommand)
    return make("command", NS_COMMANDS, node=iq.by.node, sessionid=iq.by.session, status=status)


def _form(form: CommandForm) -> Any:
    made = data_form.Form("form", form.title, [form.instructions])
    for each in form.fields:
        made.addField(data_form.Field(each.kind, each.name, value=each.value or None, label=each.label))
    return made
