"""Registrations that are being tried: they count against the limits if they fail at a server.

Rules:

1. A try is taken from the limits when it is submitted, and given back when it succeeds, or is refused before a server
   was asked. So it is of no use to try many at once.
2. A provider is the host to which the REGISTER goes: the proxy, or the domain of the address.
3. If a server could not be reached, the refusal is held back until ANSWERED_AFTER has passed since the submission. Thus
   it does not tell whether a port was closed, silent or spoke another protocol.
"""

from typing import Final

from msgspec import Struct

from fargo.limits.bucket import Rate, Rates, Scope
from fargo.limits.ledger import Ledger
from fargo.statemachine.address import BadAddress, domain_of, parse_account, server
from fargo.statemachine.model.commands import AcceptIq, Issued, RefuseIq, SignIn
from fargo.statemachine.model.events import SipAccount
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.sip_messages import SendRegister

ANSWERED_AFTER: Final = 10.0
"""Seconds. A server that does not respond is given up after 8."""
_KEPT: Final = 600.0
"""Seconds after which a try is forgotten that nobody has answered."""
_MOST_PROVIDERS: Final = 5000
_UNREACHED: Final = "remote-server-timeout"
"""The condition (RFC 6120 §8.3.3.16) with which the core refuses an account whose server could not be reached."""


class _Try(Struct):
    user: str
    registered: bool
    provider: str
    at: float
    asked: bool = False


def provider(account: SipAccount) -> str:
    """Return the host that an account is registered at, as the user wrote it; "" if there is none."""
    uri = parse_account(account.address)
    written = account.proxy or ("" if isinstance(uri, BadAddress) else uri.domain)
    found = server(written)
    return found[0].lower() if found else written.lower()


class Tries:
    """The tries of all users, and what is left of the limits on failed ones. ``rate``: of a provider, ``ledger``: of
    users.
    """

    def __init__(self, rates: Rates, rate: Rate) -> None:
        self.ledger = Ledger(rates)
        self._rate = rate
        self._providers: dict[str, float] = {}
        self._tries: dict[Iq, _Try] = {}

    def use(self, rates: Rates, rate: Rate) -> None:
        """Go by other limits from now on. Nothing has been used of them."""
        self.ledger, self._rate, self._providers = Ledger(rates), rate, {}

    def submit(self, user: str, registered: bool, iq: Iq, account: SipAccount, now: float) -> Scope | None:
        """Begin a try. Return None, or whose limit forbids it: that of a provider is like one of all users."""
        where = provider(account)
        if self._is_over(where, now):
            return Scope.ALL
        if scope := self.ledger.take(user, domain_of(user), registered, now):
            return scope
        self._charge(where, now, 1)
        self._tries[iq] = _Try(user, registered, where, now)
        return None

    def sent(self, issued: Issued, now: float) -> float:
        """Take note of a command. Return for how many seconds it has to be held back."""
        match issued.command:
            case SendRegister() | SignIn():
                for each in self._tries.values():
                    each.asked = each.asked or each.user == issued.user
            case AcceptIq(iq) | RefuseIq(iq) if tried := self._tries.pop(iq, None):
                if isinstance(issued.command, AcceptIq) or not tried.asked:
                    self._give_back(tried, now)
                elif issued.command.condition == _UNREACHED:
                    return max(tried.at + ANSWERED_AFTER - now, 0.0)
        return 0.0

    def sweep(self, now: float) -> None:
        """Forget what is of no use any more."""
        self.ledger.sweep(now)
        self._providers = {host: full for host, full in self._providers.items() if full > now}
        self._tries = {iq: each for iq, each in self._tries.items() if each.at + _KEPT > now}

    def _is_over(self, host: str, now: float) -> bool:
        full = self._providers.get(host, 0.0)
        known = host in self._providers or len(self._providers) < _MOST_PROVIDERS
        return not known or max(full, now) + self._rate.unit - now > self._rate.room

    def _charge(self, host: str, now: float, amount: float) -> None:
        self._providers[host] = max(self._providers.get(host, 0.0), now) + amount * self._rate.unit

    def _give_back(self, tried: _Try, now: float) -> None:
        self._charge(tried.provider, now, -1)
        self.ledger.charge(tried.user, domain_of(tried.user), tried.registered, now, -1)
