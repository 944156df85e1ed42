"""The gate between the XMPP server and the log: decides which stanzas and events of users are let in.

Rules:

1. A user's own limit is a matter of policy (`policy-violation`); that of the domain or of all users is one of means
   (`resource-constraint`). Both are over after a while (`wait`).
2. Calls to emergency numbers have a limit of their own, which counts when another is reached.
3. What the log grows by is known afterwards: it is charged to the user who caused it, and who is over the limit is let
   in again when it has come back. What ends something, or answers us, has a reserve.
4. What users who are not registered send leads to no row (`fargo.statemachine.unrecorded`), but what is written while
   an account of theirs is tried. That is limited to about a row a minute.
5. If presence was refused, the user's state may be wrong. So the user is asked for presence after a minute without a
   refusal.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from fargo.limits import providers, texts
from fargo.limits.bucket import Scope
from fargo.limits.held import HeldPresence
from fargo.limits.ledger import Ledger
from fargo.limits.numbers import is_allowed
from fargo.limits.refused import Refused
from fargo.limits.rejection import Rejection
from fargo.limits.settings import GateSettings
from fargo.limits.tries import Tries
from fargo.statemachine import mailbox_address, referred
from fargo.statemachine.account import entered
from fargo.statemachine.account.account_state import Clearing, Registered, Trying, in_force
from fargo.statemachine.address import SipUri, bare, domain_of, escape_local
from fargo.statemachine.dial_rules.rewriting import rewritten
from fargo.statemachine.dialling import dialled, target
from fargo.statemachine.legs.jingle.jmi import is_proceed
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import (
    CommandAsked,
    Event,
    FeaturesLearned,
    GatewayAsked,
    IqFailed,
    IqSucceeded,
    PresenceProbed,
    Recorded,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TextWritten,
    TimePassed,
    TypingNoticed,
)
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.model.requests import CallNumber, Register, SetForward, TransferCall
from fargo.statemachine.model.sip import SipAccountEvent
from fargo.statemachine.unrecorded import XMPP_EVENTS
from fargo.statemachine.user_state import User, address_book

EVERY: Final = 60.0
"""Seconds between two rows about what was refused."""

_FORBIDDEN: Final = 403
_UNAVAILABLE: Final = 480
_ENDS: Final = frozenset(
    {FeaturesLearned, IqFailed, IqSucceeded, RegistrationCancelled, ResourceUnavailable, SessionTerminated}
)
_OF_ACCOUNT: Final = SipAccountEvent | SipSignedIn | SipSignedOut | TimePassed
_CALLS: Final = frozenset({SessionInitiated, CallProposed, GatewayAsked, CommandAsked, SessionInformed})
_LAST_WORDS: Final = frozenset({CallAction.REJECT, CallAction.RETRACT, CallAction.FINISH})
_OF_PRESENCE: Final = (PresenceProbed, ResourceAvailable, ResourceUnavailable)


class Gate:
    """`put` takes an event for the log. `state` returns the state of a user (bare JID), None if there is none. `now` is
    a clock in seconds.
    """

    def __init__(
        self,
        settings: GateSettings,
        put: Callable[[str, Event], None],
        state: Callable[[str], User | None],
        now: Callable[[], float],
    ) -> None:
        self._put = put
        self._state = state
        self._now = now
        self._settings = settings
        self._tries = Tries(settings.limits.registrations, settings.limits.provider)
        self._begin()
        self._held = HeldPresence()
        self._refused = Refused()
        self._owed: dict[str, int] = {}
        self._missed: set[str] = set()
        self._missed_before: set[str] = set()

    def use(self, settings: GateSettings) -> None:
        """Go by other settings from now on. If limits have changed, nothing has been used of any of them."""
        before, self._settings = self._settings, settings
        if settings.limits != before.limits:
            self._tries.use(settings.limits.registrations, settings.limits.provider)
            self._begin()

    def _begin(self) -> None:
        limits = self._settings.limits
        self._stanzas = Ledger(limits.stanzas)
        self._calls = Ledger(limits.calls)
        self._emergency = Ledger(limits.emergency)
        self._subscriptions = Ledger(limits.subscriptions)
        self._texts = Ledger(limits.texts)
        self._texts_in = Ledger(limits.texts)
        self._log = Ledger(limits.log)
        self._log_of_strangers = Ledger(limits.log_of_strangers)
        self._ledgers = {
            "stanzas": self._stanzas,
            "calls": self._calls,
            "emergency": self._emergency,
            "subscriptions": self._subscriptions,
            "texts": self._texts,
            "texts-in": self._texts_in,
            "log": self._log,
            "log-of-strangers": self._log_of_strangers,
        }

    # --- what comes in

    def stanza(self, kind: str, sender: str, to: str) -> Rejection | None:
        """Return why a stanza of this kind is not let in, None if it is. Its sender is one of the gateway's users."""
        user, domain = _parts(sender)
        registered = self._is_registered(user)
        scope = self._stanzas.take(user, domain, registered, self._now())
        if scope is None or self._is_emergency(user, to, registered):
            return None
        if kind == "presence" and registered:
            self._missed.add(user)
        return self._refuse(user, "stanzas", scope)

    def event(self, user: str, event: Event) -> Rejection | None:
        """Return why an event of a user (bare JID) is not let in, None if it is."""
        registered = self._is_registered(user)
        if isinstance(event, RegistrationSubmitted):
            return self._submitted(user, event, registered)
        if isinstance(event, GatewayAsked) and isinstance(event.request, Register):
            return self._may_submit(user, entered.tidy(SipAccount(event.request.address)), registered) or self._over(
                user, event, registered
            )
        if not registered:
            if isinstance(event, RegistrationAsked) and not self._may_register(user):
                return self._turn_down(user, "registrations", texts.CLOSED)
            if isinstance(event, ResourceAvailable | ResourceUnavailable):
                self._held.hear(user, event)
        refusal = self._over(user, event, registered)
        if refusal and registered and isinstance(event, _OF_PRESENCE):
            self._missed.add(user)
        return refusal

    def put(self, user: str, event: Event) -> None:
        """Put an event that was let in, and after a registration the clients of its user that are online already."""
        self._put(user, event)
        if isinstance(event, RegistrationSubmitted):
            for each in self._held.take(user):
                self._put(user, each)

    def text_in(self, user: str) -> str | None:
        """Return why a text from the provider is not let in to a user (bare JID), None if it is."""
        scope = self._texts_in.take(user, domain_of(user), self._is_registered(user), self._now())
        if scope:
            self._refused.count(user, "texts")
        return texts.TEXTS_IN if scope else None

    def transfer(self, user: str, refer_to: str) -> int | None:
        """Return the SIP status with which a phone's wish is refused that a call of a user (bare JID) go to another
        number, None if it is not. It counts as a call of the user's, to whom it is charged. ``refer_to``: whom the
        phone names, as Refer-To has it.
        """
        known = self._state(user)
        to = referred.contact(known, refer_to) if known else None
        if to is None:
            return None
        if not self._may_call(user, to):
            self._refused.count(user, "numbers")
            return _FORBIDDEN
        if self._calls.take(user, domain_of(user), True, self._now()) is None:
            return None
        self._refused.count(user, "calls")
        return _UNAVAILABLE

    # --- what goes out, and into the log

    def sent(self, issued: Issued) -> float:
        """Take note of a command. Return for how many seconds it has to be held back."""
        return self._tries.sent(issued, self._now())

    def written(self, recorded: Recorded, size: int) -> None:
        """Charge what was written to its user. Calls that come in are caused by others, and cost nothing."""
        event, user = recorded.event, recorded.user
        if type(event) in XMPP_EVENTS or (recorded.call is None and isinstance(event, _OF_ACCOUNT)):
            self._owed[user] = self._owed.get(user, 0) + size

    # --- users who come and go

    def let_go(self, user: str, known: User | None) -> dict[str, float]:
        """Forget what a user (bare JID) has used of their own limits, and return it: by the name of the limit, the
        seconds until all of it is there again. ``known``: the state in which they go.
        """
        now, registered = self._now(), _has_account(known)
        if owed := self._owed.pop(user, 0):
            self._log_of(registered).charge(user, domain_of(user), registered, now, owed)
        used = {name: round(each.let_go(user, registered, now), 3) for name, each in self._of_users().items()}
        return {name: seconds for name, seconds in used.items() if seconds}

    def take_in(self, user: str, used: Mapping[str, float]) -> None:
        """A user (bare JID) has come who has used so much elsewhere."""
        now, registered, ledgers = self._now(), self._is_registered(user), self._of_users()
        for name in used.keys() & ledgers.keys():
            ledgers[name].use(user, registered, now, used[name])

    def _of_users(self) -> dict[str, Ledger]:
        return {**self._ledgers, "registrations": self._tries.ledger}

    def _log_of(self, registered: bool) -> Ledger:
        return self._log if registered else self._log_of_strangers

    # --- once a minute

    def tick(self, gateway: str) -> None:
        """Write what was refused, forget what needs no memory, and see rule 5. ``gateway``: its domain."""
        now = self._now()
        for user, owed in self._owed.items():
            registered = self._is_registered(user)
            self._log_of(registered).charge(user, _parts(user)[1], registered, now, owed)
        self._owed = {}
        for each in self._ledgers.values():
            each.sweep(now)
        self._tries.sweep(now)
        self.write(gateway)
        for user in self._missed_before - self._missed:
            self._put(user, StreamOpened())
        self._missed_before, self._missed = self._missed, set()

    def write(self, gateway: str) -> None:
        """Write the row about what was refused, in the name of the gateway (its domain)."""
        if (event := self._refused.event()) is not None:
            self._put(gateway, event)

    def line(self) -> str:
        """Return in a line what was refused since the start."""
        return self._refused.line()

    # --- decisions

    def _is_registered(self, user: str) -> bool:
        """Return True if the user has an account that was registered. One that is only being tried does not count."""
        return _has_account(self._state(user))

    def _may_register(self, user: str) -> bool:
        return self._settings.open or user in self._settings.allowed

    def _submitted(self, user: str, event: RegistrationSubmitted, registered: bool) -> Rejection | None:
        known = self._state(user)
        account = entered.meant(event, in_force(known.account) if known else None)
        if refusal := self._may_submit(user, account, registered) or self._over(user, event, registered):
            return refusal
        scope = self._tries.submit(user, registered, event.iq, account, self._now())
        return self._refuse(user, "registrations", scope) if scope else None

    def _may_submit(self, user: str, account: SipAccount, registered: bool) -> Rejection | None:
        """Return why a user may not have an account here, None if they may."""
        if not (registered or self._may_register(user)):
            return self._turn_down(user, "registrations", texts.CLOSED)
        if (problem := providers.problem(account, self._settings.providers)) is not None:
            return self._turn_down(user, "registrations", problem)
        return None

    def _over(self, user: str, event: Event, registered: bool) -> Rejection | None:
        """Return which limit forbids an event."""
        now, (_, domain) = self._now(), _parts(user)
        to = _called(event) if type(event) in _CALLS else None
        if to and registered and not self._may_call(user, to):
            return self._turn_down(user, "numbers", texts.NUMBER)
        if isinstance(event, TextWritten | TypingNoticed) and registered and not self._may_call(user, event.to):
            return self._turn_down(user, "numbers", texts.NUMBER_TEXT)
        log = self._log_of(registered)
        if owed := self._owed.pop(user, 0):
            log.charge(user, domain, registered, now, owed)
        rates = self._settings.limits.log_ends if registered and _is_end(event) else log.rates
        if scope := log.over(user, domain, registered, now, rates):
            what = "log"
        elif to and registered and not self._is_proposed(user, event):
            what, scope = "calls", self._calls.take(user, domain, registered, now)
        elif isinstance(event, SubscriptionChanged) and event.action is SubscriptionAction.SUBSCRIBE:
            what, scope = "subscriptions", self._subscriptions.take(user, domain, registered, now)
        elif isinstance(event, TextWritten):
            what, scope = "texts", self._texts.take(user, domain, registered, now)
        if scope is None or (to and self._is_emergency(user, to, registered)):
            return None
        return self._refuse(user, what, scope)

    def _may_call(self, user: str, to: str) -> bool:
        """Return True if the number may be called as the user has written it, and as it is dialled, before and after
        dial rules.
        """
        written, known, numbers = dialled(to), self._state(user), self._settings.numbers
        if written in self._settings.emergency_numbers:
            return True
        meant = _meant(known, to) if known else ()
        return all(is_allowed(each, numbers) for each in (written, *meant))

    def _is_proposed(self, user: str, event: Event) -> bool:
        """Return True if a session-initiate follows a proposal, which has been counted as a call."""
        known = self._state(user)
        if known is None or not isinstance(event, SessionInitiated):
            return False
        commands = (each.command for each in known.pending.values())
        return any(is_proceed(each) and (each.sid, each.to) == (event.sid, event.iq.sender) for each in commands)

    def _is_emergency(self, user: str, to: str, registered: bool) -> bool:
        """Return True if an emergency number is called, and not too often (rule 2)."""
        if dialled(to) not in self._settings.emergency_numbers:
            return False
        return self._emergency.take(user, domain_of(user), registered, self._now()) is None

    def _refuse(self, user: str, what: str, scope: Scope) -> Rejection:
        self._refused.count(user, what)
        if scope is Scope.USER:
            return Rejection("wait", "policy-violation", texts.TOO_MANY[what])
        return Rejection("wait", "resource-constraint", texts.BUSY)

    def _turn_down(self, user: str, what: str, text: str) -> Rejection:
        """Refuse what waiting does not help."""
        self._refused.count(user, what)
        return Rejection("cancel", "not-allowed", text)


def _has_account(user: User | None) -> bool:
    if user is None:
        return False
    account = user.account
    return isinstance(account, (Registered, Clearing)) or (isinstance(account, Trying) and account.previous is not None)


def _meant(user: User, to: str) -> tuple[str, ...]:
    """Return the number that a user calls with its country code, and what dial rules make of it."""
    book = address_book(user, domain_of(to))
    uri = mailbox_address.of_contact(user, to, book) or target(to, book)
    if not isinstance(uri, SipUri):
        return ()
    return uri.user, rewritten(uri, book, user.settings, user.policy).uri.user


@lru_cache(4096)
def _parts(sender: str) -> tuple[str, str]:
    """Return the bare JID and the domain of a JID."""
    return bare(sender), domain_of(sender)


def _called(event: Event) -> str | None:
    """Return the JID that is called; None if none is."""
    match event:
        case SessionInitiated():
            return event.iq.to
        case CallProposed(to=to):
            return to
        case GatewayAsked(to=gateway, request=SetForward(str(number)) | CallNumber(number) | TransferCall(str(number))):
            return f"{escape_local(number)}@{gateway}"
        case CommandAsked(iq, SetForward(str(number)) | CallNumber(number) | TransferCall(str(number))):
            return f"{escape_local(number)}@{iq.to}"
        case SessionInformed(to=str(to), other_sid=None):
            return to
        case _:
            return None


def _is_end(event: Event) -> bool:
    """Return True if an event ends something, or answers us."""
    return type(event) in _ENDS or (isinstance(event, CallMessaged) and event.action in _LAST_WORDS)
