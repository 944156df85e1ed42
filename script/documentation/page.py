"""docs/statemachine.md from what the exploration found: per leg and for the account, a diagram and a table."""

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain
from typing import Final, NamedTuple, get_args

import events
from explore import Moment, Transition, explore, step

from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.machine import new
from fargo.statemachine.model.call1 import (
    Call1Command,
    CallState,
    CallStateChanged,
    CompleteReceiving,
    CompleteSending,
    FlowState,
    ReceivingStateChanged,
    RequestHold,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import (
    AskFeatures,
    Command,
    InformSession,
    MessageCall,
    SendPresence,
    SendRegistrationForm,
    XmppCommand,
)
from fargo.statemachine.model.events import CallMessaged, Event, SessionInformed, SipSignedOut
from fargo.statemachine.model.ng import RelayCommand, RelayRefused
from fargo.statemachine.user_state import User

_BEGIN: Final = "[*]"
"""Mermaid's word for what is before the first state."""
_OVER: Final = "Over"
"""The state of both legs of a call that is gone."""

_HEAD: Final = """\
# The state machine

<!-- Made from the source by script/generate-docs: change fargo/statemachine, not this page. -->

Everything below was found by folding: from a user with two clients online, one of which wants to be asked before it is
called, every state was reached that there is, and events of every class were tried in each. For the sessions at the
media relay both clients want encryption, and the policy (`PolicyChanged`) is that there is a relay. States that differ
only in names, numbers and texts count as one. [architecture.md](architecture.md) says how the parts fit together.

In the tables, what is not listed changes no state and leads to no command. Where the outcome depends on more than the
names of state and event, it has a row for each state that it leads to, and commands that are not always issued are in
parentheses.
"""


class _Input(NamedTuple):
    """An event's class, and what kind of it, "" if there is no more to tell."""

    event: str
    kind: str


class _Machine(NamedTuple):
    """A part of the user with states of its own, and the commands that are its business."""

    title: str
    about: str
    state: Callable[[User], str]
    commands: tuple[type, ...]


_Table = dict[tuple[str, _Input, str], dict[tuple[str, ...], None]]
"""By state, input and next state: the commands; all in the order of their discovery. The values are ordered sets."""


def page() -> str:
    """The whole of it."""
    nobody = Moment(new(events.USER), 1000.0)
    of_account = list(explore(nobody, events.of_account, lambda u: (u.account, u.contacts, u.stopping)))
    beginnings = (_after(nobody, events.signed_in(asks=asks)) for asks in (True, False))
    calls = (explore(start, events.of_call, lambda u: (u.calls, u.proposals)) for start in beginnings)
    of_call = list(chain.from_iterable(calls))
    secure = _after(nobody, events.signed_in(secure=True))
    of_relayed_call = list(explore(secure, events.of_relayed_call, lambda u: u.calls))
    sections = (
        *_section(_ACCOUNT, of_account),
        *_section(_XMPP_LEG, of_call),
        *_section(_SIP_LEG, of_call),
        *_section(_RELAY_SESSION, of_relayed_call),
    )
    return "\n".join((_HEAD, *sections))


def _after(moment: Moment, happened: Iterable[Event]) -> Moment:
    for event in happened:
        moment, _ = step(moment, event)
    return moment


def _section(machine: _Machine, transitions: Iterable[Transition]) -> Iterator[str]:
    table = _table(machine, transitions)
    yield f"## {machine.title}\n"
    yield f"{machine.about}\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield from _diagram(table)
    yield "```\n"
    yield "| state | event | becomes | commands |"
    yield "|---|---|---|---|"
    yield from _rows(table)
    yield ""


# --- what is in the table


def _table(machine: _Machine, transitions: Iterable[Transition]) -> _Table:
    table: _Table = {}
    for transition in transitions:
        before = machine.state(transition.before) or _BEGIN
        after = machine.state(transition.after) or (_BEGIN if before == _BEGIN else _OVER)
        commands = tuple(" ".join(_told(c)).rstrip() for c in transition.commands if isinstance(c, machine.commands))
        if before != after or commands:
            table.setdefault((before, _told(transition.event), after), {})[commands] = None
    return table


def _of_account(user: User) -> str:
    match user.account:
        case Registered(connection=connection):
            return type(connection).__name__
        case account:
            return type(account).__name__


def _of_leg(leg: Callable[[Call], object]) -> Callable[[User], str]:
    """The state of a leg of the only call; "" if there is no call."""
    return lambda user: next((type(leg(call)).__name__ for call in user.calls.values()), "")


def _of_relay(user: User) -> str:
    """The state of the session at the relay that came last in the only call; "" if there is none."""
    return next((type(call.relay[-1]).__name__ for call in user.calls.values() if call.relay), "")


class _Silence(Enum):
    SILENT = True
    SAID = False


class _Hold(Enum):
    ON = True
    OFF = False


_UNITS: Final[dict[type, tuple[str, type[Enum] | None]]] = {
    CallMessaged: ("action", None),
    CallStateChanged: ("state", CallState),
    CompleteReceiving: ("state", FlowState),
    CompleteSending: ("state", FlowState),
    InformSession: ("info", None),
    MessageCall: ("action", None),
    ReceivingStateChanged: ("state", FlowState),
    RelayRefused: ("silent", _Silence),
    RequestHold: ("hold", _Hold),
    SendingStateChanged: ("state", FlowState),
    SessionInformed: ("info", None),
    SipSignedOut: ("trouble", None),
}
"""Of which classes the table tells more than the name: by which field, and what its numbers mean."""


def _told(value: Event | Command) -> _Input:
    name = type(value).__name__
    if type(value) not in _UNITS:
        return _Input(name, "")
    field, unit = _UNITS[type(value)]
    told = getattr(value, field)
    return _Input(name, unit(told).name.lower() if unit else str(told))


_ACCOUNT: Final = _Machine(
    "The account",
    "The states of a registered account are those of its connection: `SignedOut`, `SigningIn`, `SignedIn`,\n"
    "`SigningOut`, `Waiting` and `Refused`.",
    _of_account,
    get_args(Command),
)
_XMPP_LEG: Final = _Machine(
    "The XMPP leg of a call",
    "Commands are those to clients. `[*]` is before the call.",
    _of_leg(lambda call: call.jingle),
    tuple(set(get_args(XmppCommand)) - {AskFeatures, SendPresence, SendRegistrationForm}),
)
_SIP_LEG: Final = _Machine(
    "The SIP leg of a call",
    "Commands are those to the connection manager. `[*]` is before the call.",
    _of_leg(lambda call: call.sip),
    get_args(Call1Command),
)
_RELAY_SESSION: Final = _Machine(
    "A session at the media relay",
    "Commands are those to the relay. `[*]` is before the session. A `TransportInformed` changes\n"
    "something only if the client has restarted ICE.",
    _of_relay,
    get_args(RelayCommand),
)


# --- how it looks


def _diagram(table: _Table) -> Iterator[str]:
    """An arrow for each change of state, with the classes of the events that it comes from."""
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for before, told, after in table:
        if before != after:
            arrows.setdefault((before, after), {})[told.event] = None
    for (before, after), names in arrows.items():
        yield f"    {before} --> {after}: {'<br>'.join(names)}"


def _rows(table: _Table) -> Iterator[str]:
    """By state and event; the kinds of an event that lead to the same share a row."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for (before, told, after), commands in table.items():
        becomes = after if after != before else ""
        rows.setdefault((before, told.event, becomes, _summed_up(list(commands))), []).append(told.kind)
    states = list(dict.fromkeys(state for state, *_ in rows))
    for (state, event, becomes, issued), kinds in sorted(
        rows.items(), key=lambda row: (states.index(row[0][0]), row[0][1])
    ):
        yield f"| {state} | {' '.join((event, _listed(kinds))).rstrip()} | {becomes} | {issued} |"


def _summed_up(outcomes: list[tuple[str, ...]]) -> str:
    """The commands of some outcomes as one list: those that not all of them have are in brackets."""
    names = dict.fromkeys(name for outcome in sorted(outcomes, key=len, reverse=True) for name in outcome)
    return ", ".join(name if all(name in outcome for outcome in outcomes) else f"({name})" for name in names)


def _listed(kinds: list[str]) -> str:
    """An empty one in a list with others has to be seen."""
    return ", ".join(kind or "“”" for kind in kinds) if any(kinds) else ""
