"""The limits, as the operator has set them, and who may register which account.

What is allowed at once follows from what is allowed in the long run:

1. Stanzas: those of 200 seconds. A client that comes online may have thousands of contacts, to each of which its server
   sends its presence.
2. Calls: those of a quarter of an hour, but never fewer than 8. Subscriptions: those of half an hour.
3. Failed registrations: those of an hour. Texts: those of a minute, in each direction.
4. The log: a twentieth of what a day may add. What ends something may use another hundredth. Both are taken off the
   rate at which it comes back, so that no day adds more than is set.
"""

from typing import Final

from msgspec import Struct

from fargo.limits.bucket import Rate, Rates, rate
from fargo.limits.numbers import Numbers

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 86400.0
_LEAST_CALLS: Final = 8
_EMERGENCY_CALLS: Final = 10
"""The emergency calls of a user that no other limit applies to: so many at once, and one more each minute."""
_AT_ONCE: Final = 1 / 20
_FOR_ENDS: Final = 1 / 100
_ROW: Final = 1000.0
"""The bytes of an event and its commands, as a rule."""
_ROWS_OF_STRANGER: Final = 50
"""The growth of the log that is allowed at once because of a user who is not registered: enough to try an account five
times.
"""


class Allowances(Struct, frozen=True):
    """The allowances of a user. A domain is allowed ``domain_times`` as much, and all users together ``total_times``.

    ``failures``: of registrations, in an hour; ``provider_failures``: at one provider, by all users. ``log_bytes``: by
    which a user may make the log grow in a day.
    """

    stanzas_a_second: int = 20
    calls_an_hour: int = 120
    subscriptions_an_hour: int = 1000
    texts_a_minute: int = 20
    failures: int = 5
    provider_failures: int = 20
    log_bytes: int = 20_000_000
    domain_times: int = 50
    total_times: int = 100


class GateLimits(Struct, frozen=True):
    """The same as rates. ``log_ends``: of the log, for what ends something.
    ``log_of_strangers``: of the log, for users who are not registered.
    """

    stanzas: Rates
    calls: Rates
    emergency: Rates
    subscriptions: Rates
    texts: Rates
    registrations: Rates
    provider: Rate
    log: Rates
    log_ends: Rates
    log_of_strangers: Rates


class GateSettings(Struct, frozen=True):
    """The settings of the gate. ``open``: all users may register, and not only the ``allowed`` ones (bare JIDs).
    ``providers``: the hosts and domains of SIP accounts, None if any will do. ``numbers``: those that may be called;
    emergency numbers always may.
    """

    limits: GateLimits
    open: bool = True
    allowed: frozenset[str] = frozenset()
    providers: tuple[str, ...] | None = None
    emergency_numbers: tuple[str, ...] = ()
    numbers: Numbers = Numbers()


def limits(allowed: Allowances) -> GateLimits:
    """Return the rates that keep to these allowances."""
    times = (1, allowed.domain_times, allowed.total_times)

    def rates(amount: float, seconds: float, at_once: float) -> Rates:
        user, domain, total = (rate(amount * each, seconds, at_once * each) for each in times)
        return user, domain, total

    calls, log = allowed.calls_an_hour, float(allowed.log_bytes)
    of_log = log * (1 - _AT_ONCE - _FOR_ENDS)
    return GateLimits(
        stanzas=rates(allowed.stanzas_a_second, 1, allowed.stanzas_a_second * 200),
        calls=rates(calls, _HOUR, max(calls / 4, _LEAST_CALLS)),
        emergency=rates(60, _HOUR, _EMERGENCY_CALLS),
        subscriptions=rates(allowed.subscriptions_an_hour, _HOUR, max(allowed.subscriptions_an_hour / 2, 1)),
        texts=rates(allowed.texts_a_minute, _MINUTE, allowed.texts_a_minute),
        registrations=rates(allowed.failures, _HOUR, allowed.failures),
        provider=rate(allowed.provider_failures, _HOUR, allowed.provider_failures),
        log=rates(of_log, _DAY, log * _AT_ONCE),
        log_of_strangers=rates(_ROW, 60, _ROWS_OF_STRANGER * _ROW),
        log_ends=rates(of_log, _DAY, log * (_AT_ONCE + _FOR_ENDS)),
    )
