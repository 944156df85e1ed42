"""The answers to requests of users (`model.requests`): one text for each, and what they change.

Rules:

1. Every request gets exactly one answer. What is not understood gets the help.
2. The gateway does as it is asked before it answers, so the answer says how things are then.
3. Of users without an account nothing is kept: neither calls nor settings.
"""

from typing import assert_never

from msgspec.structs import replace

from fargo.statemachine import calling_back, dialling, forwarded, gateway, handing_over, mailbox_address, naming
from fargo.statemachine.account import account_state, roster
from fargo.statemachine.account.account_state import Unregistered
from fargo.statemachine.address import BadAddress
from fargo.statemachine.call import call_state
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.events import GatewayAsked
from fargo.statemachine.model.requests import (
    AddRule,
    AskBusy,
    AskCall,
    AskConference,
    AskForward,
    AskKeep,
    AskRemoval,
    AskRules,
    AskStay,
    AskTransfer,
    CallNumber,
    DeleteRule,
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
    Settings,
    ShowCalls,
    ShowHelp,
    ShowRules,
    ShowStatus,
    TransferCall,
    TryNumber,
)
from fargo.statemachine.numbering_examples import example
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.self_service import keeping, prompting, recent, rules, texts, voicemail, words
from fargo.statemachine.user_state import User, able_clients, address_book, closed, country, is_woken, stays_signed_in


def noted(user: User, effects: Effects) -> User:
    """Return the user's state after the records of an event (rule 3)."""
    if isinstance(user.account, Unregistered):
        forgotten = replace(user, settings=Settings(), recent=(), stranger=None)
        return user if forgotten == user else forgotten
    calls = recent.noted(user.recent, (each for each, _ in effects.records), effects.at)
    return user if calls is user.recent else replace(user, recent=calls)


def asked(user: User, event: GatewayAsked, effects: Effects) -> User:
    """Do what the user asks in a chat, and answer there."""
    after, text = answered(user, event.request, event.to, effects)
    effects.emit(SendText(event.to, event.sender, text))
    keeping.offer(user, event.request, event.to, effects)
    return after


def answered(user: User, request: GatewayRequest, jid: str, effects: Effects) -> tuple[User, str]:
    """Return the user's state after a request, and the answer. ``jid``: the gateway's."""
    match request:
        case ShowHelp():
            return user, _help(user, jid)
        case NotUnderstood():
            return user, f"{texts.NOT_UNDERSTOOD}\n{_help(user, jid)}"
        case ShowStatus():
            return user, _status(user, jid)
        case ShowCalls():
            lines = [words.call(each, effects.at) for each in user.recent]
            return user, "\n".join(lines) or texts.NO_CALLS
        case EndCalls():
            return _hung_up(user, effects)
        case Register(written):
            return prompting.begin(user, written, jid, effects)
        case GiveUp():
            return prompting.give_up(user)
        case RuleRefused(problem):
            return user, problem
        case _ if isinstance(user.account, Unregistered):
            return user, texts.UNREGISTERED.format(gateway=jid)
        case SetBusy(on):
            settings = replace(user.settings, busy=on)
            return replace(user, settings=settings), texts.BUSY_ON if on else texts.BUSY_OFF
        case ShowRules() | AskRules():
            return user, rules.listed(user)
        case AddRule(rule):
            return rules.added(user, rule)
        case DeleteRule(number):
            return rules.deleted(user, number)
        case TryNumber():
            return user, rules.tried(user, request, jid)
        case AskBusy():
            return user, texts.BUSY if user.settings.busy else texts.NOT_BUSY
        case AskStay():
            return user, texts.STAYS if is_woken(user) else texts.STAY_OFF
        case AskForward():
            to = user.settings.forward
            return user, texts.FORWARDS.format(to=_words(user, to, jid)) if to else texts.FORWARD_OFF
        case AskRemoval():
            return user, texts.CONFIRM_REMOVAL
        case SetStay(on):
            settings = replace(user.settings, stay=on)
            return replace(user, settings=settings), texts.STAY_ON if on else texts.STAY_OFF
        case CallNumber(number):
            return _called(user, number, jid, effects)
        case AskCall():
            return user, texts.CALL_WHOM.format(number=example(country(user)))
        case TransferCall(number):
            return _transferred(user, number, jid, effects)
        case AskTransfer():
            return user, texts.TRANSFER_WHOM.format(number=example(country(user)))
        case AskConference():
            return user, texts.NO_CONFERENCE
        case KeepContact() | AskKeep():
            asked = request if isinstance(request, KeepContact) else KeepContact()
            return user, keeping.answer(user, asked, jid)
        case SetForward(number):
            return _forwarded(user, number, jid)
        case _:
            assert_never(request)


def _help(user: User, jid: str) -> str:
    return texts.HELP.format(gateway=jid, number=example(country(user)))


def _status(user: User, jid: str) -> str:
    shown = account_state.shown(user.account)
    if shown is None:
        return texts.UNREGISTERED.format(gateway=jid)
    lines = [
        shown.status,
        texts.CLIENTS.format(count=len(able_clients(user))),
        texts.CALLS.format(count=_live(user)),
        *([reason.text] if (reason := closed(user)) else []),
        *voicemail.status(user, jid),
        *([texts.BUSY] if user.settings.busy else []),
        *([texts.STAYS] if stays_signed_in(user) else []),
        *([texts.FORWARDS.format(to=_words(user, user.settings.forward, jid))] if user.settings.forward else []),
    ]
    return "\n".join(lines)


def _called(user: User, number: str, jid: str, effects: Effects) -> tuple[User, str]:
    if (known := account_state.in_force(user.account)) is None:
        return user, texts.UNREGISTERED.format(gateway=jid)
    if mailbox_address.is_meant(number):
        mailbox = mailbox_address.told(user, address_book(user, jid))
        if mailbox is None:
            return user, texts.NO_MAILBOX
        number = mailbox.words
    after = calling_back.begin(user, known, number, jid, effects)
    return (user, after) if isinstance(after, str) else (after, texts.CLIENTS_RING)


def _transferred(user: User, number: str | None, jid: str, effects: Effects) -> tuple[User, str]:
    if (known := account_state.in_force(user.account)) is None:
        return user, texts.UNREGISTERED.format(gateway=jid)
    after = handing_over.begin(user, known, number, jid, effects)
    if isinstance(after, str):
        return user, after
    return after, texts.IS_TRANSFERRED if number else texts.ARE_JOINED


def _forwarded(user: User, number: str | None, jid: str) -> tuple[User, str]:
    if number is None:
        return replace(user, settings=replace(user.settings, forward=None)), texts.FORWARD_OFF
    if (known := account_state.in_force(user.account)) is None:
        return user, texts.UNREGISTERED.format(gateway=jid)
    found = forwarded.target(user, known, number, jid)
    if isinstance(found, BadAddress):
        return user, found.problem
    contact, uri = found
    spelled = roster.spelled(user.contacts, naming.canonical(uri, address_book(user, jid)))
    after = replace(user, settings=replace(user.settings, forward=contact), contacts=spelled)
    return after, texts.FORWARD_ON.format(to=uri.words)


def _words(user: User, contact: str, jid: str) -> str:
    """Return the SIP address of a contact, as people write it."""
    found = dialling.target(contact, address_book(user, jid))
    return contact if isinstance(found, BadAddress) else found.words


def _hung_up(user: User, effects: Effects) -> tuple[User, str]:
    count = _live(user)
    if not count:
        return user, texts.NOTHING_TO_END
    after = gateway.hung_up(user, Reason(Cause.HUNG_UP, texts.YOU_HUNG_UP), effects)
    return after, texts.HUNG_UP.format(count=count)


def _live(user: User) -> int:
    return sum(map(call_state.is_live, user.calls.values()))
