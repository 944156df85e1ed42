"""A fault in any function of the core, in any phase of a call: nobody in the call is left ringing or talking.

Rules:

1. What is broken is found by looking: every function of the core that folding an event enters, in a state that runs
   come through, is made to fail there once, and then whenever it is called. No module and no phase is listed by hand.
   `script/test` takes each function once with each phase of a leg, and `script/fuzz --stories` also with each
   combination of the phases of a call.
2. After a fault a call has ended as any other does. Where a function fails whenever it is called, and the end needs it,
   what is left out is only what that function would have said.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain, product
from random import Random
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import NamedTuple, TypeGuard

import pytest
from thorough import is_thorough

from fargo.statemachine import (
    awaited,
    clients,
    connections,
    deadline,
    derived,
    faults,
    gateway,
    machine,
    pending,
    replies,
    unrecorded,
    upcoming,
    user_state,
)
from fargo.statemachine.account import account_state, binding, connection, registration, roster, sign_in
from fargo.statemachine.call import call_state
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.forking import Forking, Inviting, Proceeding
from fargo.statemachine.legs.jingle.invitations import AwaitingOffer, Proposed
from fargo.statemachine.legs.jingle.jingle_session import JingleEvent
from fargo.statemachine.legs.relay.relay_session import Deleting
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.user_agent import caller, dialog, responding, unheard
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    UacCancelling,
    UacRecalling,
    UasReleasing,
    UserAgentPhase,
)
from fargo.statemachine.media import reach
from fargo.statemachine.media.description import is_secured
from fargo.statemachine.model import call1, commands, sip_endings, wire
from fargo.statemachine.model.call1 import HangUp
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.commands import Command, Fault, Issued, MessageCall, SendText, TerminateSession
from fargo.statemachine.model.events import Event, Recorded, Restarted, Stopping, TimePassed
from fargo.statemachine.model.ng import DeleteRelay
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse, SipRequestReceived, SipResponseReceived
from fargo.statemachine.user_state import User, call_of

from . import world
from .coverage import every_pair, sip_phase, strays
from .quirks import NONE, Quirk
from .runs import BEGINNINGS, FROM_END_TO_END, REFERRING, SEEING, TRANSFERRING, WANTED, a_beginning, at_random, run
from .test_coverage import users
from .values import USER

pytestmark = pytest.mark.slow("breaks every function of the core in every phase that two hundred runs come through")

CORE = "fargo.statemachine"
MESSAGE = "a bug"
SECURED = 12
TOLD = 8
ENOUGH = 8
"""So many events of a class are looked at in each combination of phases."""


@cache
def core() -> dict[str, ModuleType]:
    """Return every module of the core."""
    return {name: module for name, module in sys.modules.items() if name.startswith(f"{CORE}.")}


FOR_ENGINE: set[FunctionType | Callable[..., object]] = {
    *(machine.fold, machine._account_noted),
    *(commands.ends, call1.ends, sip_endings.ends),
}
"""The functions that the engine calls: the fold itself, with the part of it that guards each thing which it does
(`_account_noted`), and those that tell the engine which commands end something.
"""


@cache
def functions() -> dict[CodeType, FunctionType]:
    """Return every function that folds, but for the fold itself, and what ends a call after a fault."""
    defined = (value for module in core().values() for value in vars(module).values())
    found = [each for each in defined if isinstance(each, FunctionType) and each.__module__.startswith(f"{CORE}.")]
    folds_nothing = (faults.__name__, reach.__name__, unrecorded.__name__, upcoming.__name__, wire.__name__)
    beyond = {each for each in found if each in FOR_ENGINE or each.__module__ in folds_nothing}
    return {each.__code__: each for each in found if each not in beyond}


@cache
def places(function: FunctionType) -> list[tuple[ModuleType, str]]:
    """Return the modules that have a function, each with its name there."""
    return [(module, name) for module in core().values() for name, value in vars(module).items() if value is function]


@cache
def caches() -> list[Callable[[], None]]:
    """Return what clears a cache of the core, for all of them."""
    values = (value for module in core().values() for value in vars(module).values())
    return [value.cache_clear for value in values if hasattr(value, "cache_clear")]


def forget_results() -> None:
    """Clear all caches of the core: a function whose result is known is not entered."""
    for forget in caches():
        forget()


@contextmanager
def broken(function: FunctionType, times: int | None = None) -> Iterator[None]:
    """A function of the core fails whenever it is called, or so many times."""
    forget_results()
    left = [times]

    def fails(*arguments: object, **named: object) -> object:
        if left[0] == 0:
            return function(*arguments, **named)
        left[0] = None if left[0] is None else left[0] - 1
        raise ZeroDivisionError(MESSAGE)

    with pytest.MonkeyPatch.context() as patch:
        for module, name in places(function):
            patch.setattr(module, name, fails)
        yield


def entered(user: User, recorded: Recorded) -> list[FunctionType]:
    """Return the functions that folding an event enters, in their order."""
    known, found = functions(), dict[FunctionType, None]()

    def notice(frame: FrameType, what: str, _: object) -> None:
        if what == "call" and frame.f_code in known:
            found[known[frame.f_code]] = None

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        machine.fold(user, recorded)
    finally:
        sys.setprofile(before)
    return list(found)


class Case(NamedTuple):
    """The place where a function is broken: a user, and the event whose fold enters it."""

    function: FunctionType
    user: User
    recorded: Recorded


def phases(call: Call) -> tuple[str, ...]:
    """Return in which phases a call's legs are, and its sessions at the relay."""
    relayed = sorted({type(each).__name__ for each in call.relay})
    return type(call.jingle).__name__, sip_phase(call.sip), *relayed


def secured_users() -> Iterator[tuple[User, Recorded]]:
    """A user with each phase of a call that is encrypted from end to end, and the last event. `users` has these phases
    with plain audio only.
    """
    seen: set[tuple[str, ...]] = set()
    for seed in range(SECURED):
        user = machine.new(USER)
        for recorded, _ in run(FROM_END_TO_END, at_random(Random(seed)), NONE, 60).log:
            user, *_ = machine.fold(user, recorded)
            for call in user.calls.values():
                if is_secured_leg(call) and phases(call) not in seen:
                    seen.add(phases(call))
                    yield user, recorded


def told() -> Iterator[Case]:
    """Yield a case for each function that only what an end says in its turn enters: no stray event shows these."""
    seen: set[FunctionType] = set()
    early = BEGINNINGS["sip, a relay for every call"]
    starts = (early, SEEING, WANTED, *REFERRING.values(), *TRANSFERRING.values())
    for seed, start in product(range(TOLD), starts):
        quirks = frozenset({Quirk.CHATTER, Quirk.EARLY} if start is early else {Quirk.CHATTER})
        user = machine.new(USER)
        for recorded, _ in run(start, at_random(Random(seed)), quirks, 60).log:
            if isinstance(recorded.event, SipResponseReceived | SipRequestReceived | JingleEvent):
                for function in entered(user, recorded):
                    if function not in seen and user.calls:
                        seen.add(function)
                        yield Case(function, user, recorded)
            user, *_ = machine.fold(user, recorded)


def is_secured_leg(call: Call) -> bool:
    """Return True if the phone of a call has described DTLS."""
    described = call.sip.session.theirs if isinstance(call.sip, Confirmed) else sip_leg.offered(call.sip)
    return described is not None and is_secured(described)


def cases(thorough: bool) -> Iterator[Case]:
    """Yield a case for each function and each phase of a leg in which it is entered, or each combination of phases of
    a call.
    """
    forget_results()
    looked: Counter[tuple[object, ...]] = Counter()
    seen: set[tuple[object, ...]] = set()
    for user, last in chain(secured_users(), users()):
        for event in strays(user):
            call = call_of(user, event)
            here = {phases(each) for each in user.calls.values() if call in (None, each)}
            kind = type(getattr(event, "request", event))  # of requests of the gateway, each is looked at
            looked.update((each, kind) for each in here)
            if all(looked[each, kind] > ENOUGH for each in here):
                continue
            later = 1000 if isinstance(event, TimePassed) else 1
            recorded = Recorded(USER, last.version + 1, last.at + later, event)
            for function in entered(user, recorded):
                wanted = here if thorough else {(phase,) for each in here for phase in each}
                if new := {(each, function) for each in wanted} - seen:
                    seen |= new
                    yield Case(function, user, recorded)


@pytest.fixture(scope="module")
def found() -> list[Case]:
    """All cases."""
    stray = list(cases(is_thorough()))
    known = {each.function for each in stray}
    return [*stray, *(each for each in told() if each.function not in known)]


@pytest.mark.xdist_group("runs")  # as what it goes through takes as long to find
@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
def test_a_fault_leaves_nobody_ringing_or_talking(found: list[Case], times: int | None) -> None:
    ended: Counter[str] = Counter()
    for case in found:
        function, user, recorded = case
        with broken(function, times):
            after, issued, _ = machine.fold(user, recorded)
            found_out = FINDS_OUT | (set() if times else LETS_ACCOUNTS_GO)
            assert function in found_out or not lasting_faults(after, recorded), case
        if isinstance(recorded.event, TimePassed | Restarted | Stopping) and function not in FINDS_OUT:
            assert live(after) <= live(machine.fold(user, recorded)[0]), case
        known = [each.command for each in issued if isinstance(each.command, Fault)]
        assert known, case
        assert {each.call for each in issued} >= {fault.call for fault in known if fault.call}, case
        for fault in known:
            assert fault.error == f"ZeroDivisionError: {MESSAGE}", case
            if call := user.calls.get(fault.call or ""):
                ended.update(phases(call))
                left_out = list(untold(call, after, issued))
                if not times:
                    left_out = [each for each in left_out if each not in ONLY_FOR_READERS]
                if not times and function in SAYS_GOODBYE:
                    goodbyes = UserAgentPhase | SendRequest | SendResponse
                    left_out = [each for each in left_out if not isinstance(each, goodbyes)]
                assert not left_out, case
        if call := call_of(user, recorded.event):
            assert {each: after.calls.get(each) for each in user.calls if each != call.id} == {
                each: other for each, other in user.calls.items() if other is not call
            }, case
        _, issued, _ = machine.fold(after, Recorded(USER, recorded.version + 1, recorded.at + 10_000, TimePassed()))
        assert not [each for each in issued if isinstance(each.command, Fault)], case
    modules = {each.__module__ for each in functions().values()}
    assert {case.function.__module__ for case in found} == modules, "a fault in each module"
    unbroken = {pair.phase for pair in every_pair() if pair.room in ("xmpp", "sip", "user agent", "relay")} - set(ended)
    assert not unbroken, "a fault in each phase"


FINDS_OUT = {
    *(
        each
        for module in (machine, gateway, connections, clients, awaited)
        for each in vars(module).values()
        if isinstance(each, FunctionType) and each.__module__ == module.__name__
    ),
    *(call_state.has_one_phone, call_state.sip_legs),
    *(connection.deadline, pending.due, replies.expire, roster.missing),
}
"""Without these, it is not known what is to be done."""


LETS_ACCOUNTS_GO: set[FunctionType | Callable[..., object]] = {
    *(account_state.in_words, account_state.shown, account_state._presence),
    *(binding.drop, connection.reconcile, deadline.is_due, registration.give_up, sign_in.withdraw),
    *(user_state.is_woken, user_state.stays_signed_in),
    *(roster.show_strangers, roster._show_strangers, roster._kind),
}
"""If one of these always fails, an account whose registration has outlived a restart is neither kept nor let go."""

SAYS_GOODBYE: set[FunctionType | Callable[..., object]] = {
    *(caller.cancellation, derived.tag, derived._hash, dialog.request, dialog._routed, responding.response),
    *(unheard.forget, unheard.refuse, unheard.say, unheard._is_bye),
}
"""If one of these always fails, no BYE, CANCEL or final response can be made."""


def lasting_faults(user: User, last: Recorded) -> list[Issued]:
    """Return the faults of the twelfth TimePassed, when all repeats have come to their end."""
    issued: tuple[Issued, ...] = ()
    for passed in range(1, 13):
        recorded = Recorded(USER, last.version + passed, last.at + 10_000 * passed, TimePassed())
        user, issued, _ = machine.fold(user, recorded)
    return [each for each in issued if isinstance(each.command, Fault)]


def live(user: User) -> set[str]:
    """Return the ids of the calls that go on."""
    return {call.id for call in user.calls.values() if call_state.is_live(call)}


ONLY_FOR_READERS = (SendText, RecordEnded)
"""The commands that may be missing if the code that writes them always fails."""


def untold(call: Call, after: User, issued: tuple[Issued, ...]) -> Iterator[object]:
    """Yield what somebody in a call has not been told of its end, although the call was as it is here."""
    said, waiting = [each.command for each in issued], [each.command for each in after.pending.values()]
    lasting = [each for each in said if each in waiting]
    for session in jingle_leg.sessions(call.jingle):
        if not [each for each in lasting if _ends(each, session.sid, session.client)]:
            yield session
    if _proposed(call.jingle) and not [each for each in lasting if _ends(each, call.jingle.invitation.sid, USER)]:
        yield call.jingle.invitation
    for kept in call.relay:
        if not isinstance(kept, Deleting) and DeleteRelay(kept.terms.name, kept.terms.present) not in lasting:
            yield kept
    hung_up: list[str | None] = [each.channel for each in said if isinstance(each, HangUp)]
    hung_up += [each.dialog for each in lasting if _ends_dialog(each)]
    left = after.calls.get(call.id)
    if left and isinstance(left.sip, UasReleasing):  # a BYE may not overtake the ACK (RFC 3261 §15)
        hung_up.append(left.sip.name)
    if isinstance(call.sip, UacRecalling):  # the phones have been told before
        hung_up.append(call.sip.name)
    if call.sip.name and sip_leg.is_live(call.sip) and call.sip.name not in hung_up:
        yield call.sip
    if call_state.is_live(call) and call.id not in [each.call for each in said if isinstance(each, RecordEnded)]:
        yield RecordEnded
    missable = call.caller and not call.settled and isinstance(call.jingle, Inviting)
    if missable and not [each for each in said if isinstance(each, SendText)]:
        yield SendText
    if call.id in after.calls and call_state.is_live(after.calls[call.id]):
        yield call
    cancelled = [each.cancels for each in lasting if isinstance(each, SendRequest)]
    # A phone that is out of the call, and of which nothing was heard, is sent no CANCEL yet (RFC 3261 §9.1).
    cancelled += [each.invite.command for each in left.left if isinstance(each, UacCancelling)] if left else []
    for name, each in after.pending.items():
        if name in cancelled:  # its final response is awaited (RFC 3261 §9.1)
            continue
        of_the_end = isinstance(each.command, TerminateSession | MessageCall | DeleteRelay)
        if each.call == call.id and not of_the_end and not _ends_dialog(each.command):
            yield each.command


def _ends(command: Command, sid: str, to: str) -> bool:
    return isinstance(command, TerminateSession | MessageCall) and (command.sid, command.to) == (sid, to)


def _ends_dialog(command: Command) -> TypeGuard[SendRequest | SendResponse]:
    if isinstance(command, SendRequest):
        return command.method in ("BYE", "CANCEL")
    return isinstance(command, SendResponse) and command.head.method == "INVITE" and command.status >= 200


def _proposed(leg: jingle_leg.JingleLeg) -> TypeGuard[Forking | Proceeding]:
    if isinstance(leg, Forking):
        return isinstance(leg.proposal, Proposed)
    return isinstance(leg, Proceeding) and isinstance(leg.called[0], AwaitingOffer)


# --- in any run


@pytest.mark.parametrize("seed", range(30))
def test_whatever_goes_on_after_a_fault_all_calls_come_to_their_end(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The world is as in any run of the simulator, but that now and then a function of the core fails."""
    random, broke = Random(seed), 0

    def fold(user: User, recorded: Recorded) -> tuple[User, tuple[Issued, ...], str | None]:
        """Fold without what the watch would stop at: the fault itself."""
        nonlocal broke
        found = [each for each in entered(user, recorded) if is_in_a_call(each)] if random.random() < OFTEN else []
        if not found or _is_answer(recorded.event):
            return machine.fold(user, recorded)
        broke += 1
        with broken(random.choice(found), 1):
            after, issued, call = machine.fold(user, recorded)
        return after, tuple([each for each in issued if not isinstance(each.command, Fault)]), call

    monkeypatch.setattr(world, "fold", fold)
    done = run(a_beginning(random), at_random(random), NONE, 150)
    assert done.broken is None, "\n  ".join([str(done.broken), "after", *map(" ".join, done.path)])
    assert broke


def _is_answer(event: Event) -> bool:
    """Return True for a final response to an INVITE. A phone repeats a 2xx until it has an ACK; those of the simulator
    do not. After a failure that could not be handled, the call is cancelled in vain.
    """
    return isinstance(event, SipResponseReceived) and event.method == "INVITE" and event.status >= 200


OFTEN = 0.1


def is_in_a_call(function: FunctionType) -> bool:
    """Return whether the function has to do with calls. What fails of an account may leave it signed out."""
    return function.__module__.startswith((f"{CORE}.legs", f"{CORE}.call", f"{CORE}.incoming", f"{CORE}.outgoing"))
