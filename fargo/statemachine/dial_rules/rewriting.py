"""The use of dial rules on the number of a call, before it is dialled or becomes a contact.

Rules:

1. A rule sees a number without what people put between its digits, with its country code if that is known, and as the
   rules before it have left it. The user's own rules come first.
2. The operator's rules see what is left with its country code, so that no rule of a user evades them. What they do not
   change stays as the user's rules have made it.
3. A rule that leaves nothing of a number refuses it, and so does one that makes no number of it.
4. No rule applies to an emergency number, whoever has made it one.
5. A name, and a number of another domain, can be refused, but not changed: what is dialled there is not known. So can
   what is longer than any number, by its beginning: how long rules take does not depend on it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine import numbering
from fargo.statemachine.address import SipUri
from fargo.statemachine.dial_rules import sed, texts
from fargo.statemachine.dialling import AddressBook, is_own
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import Direction, Rewriting
from fargo.statemachine.model.requests import DialRule, Settings
from fargo.statemachine.reason import Cause, Reason

LONGEST: Final = 64
"""The number of characters of the longest number that rules make or change. Real ones have a quarter of them."""


class Rewritten(Struct, frozen=True, gc=False):
    """The outcome of rules for an address.

    ``before``: the user part that they saw. ``uri``: what came of it; as it was, if it is refused. ``by``: the rules
    that changed it, one after the other. ``refusal``: why it is refused, None if it is not.
    """

    before: str
    uri: SipUri
    by: tuple[DialRule, ...] = ()
    refusal: Reason | None = None


def record(known: Rewritten | None, written: str) -> Rewriting | None:
    """Return what the log tells of the rules, None if they have left the number as it was.

    ``written``: the number before it had its country code.
    """
    if known is None or not known.by:
        return None
    result = None if known.refusal else known.uri.user
    return Rewriting(written, known.before, result, tuple(map(sed.written, known.by)))


class _Number(Struct, frozen=True, gc=False):
    """A number on its way through the rules."""

    text: str
    by: tuple[DialRule, ...] = ()
    problem: str | None = None


def rewritten(
    uri: SipUri, book: AddressBook, settings: Settings, policy: Policy, direction: Direction = Direction.OUT
) -> Rewritten:
    """Return what the user's and the operator's rules make of an address (see `dialling.target`) in a call of that
    direction.
    """
    seen = _seen(uri, book)
    changes = is_own(uri.domain, book) and numbering.is_number(seen) and len(seen) <= LONGEST
    number = _chained(_Number(seen[:LONGEST]), _for(settings.rules, direction), policy, changes)
    number = _by_operator(number, book.country, _for(policy.dial_rules, direction), policy, changes)
    if number.problem:
        return Rewritten(seen, uri, number.by, Reason(Cause.FORBIDDEN, number.problem))
    if not number.by:
        return Rewritten(seen, uri)
    return Rewritten(seen, replace(uri, user=number.text), number.by)


def _seen(uri: SipUri, book: AddressBook) -> str:
    number = numbering.digits(uri.user)
    return uri.user if number is None else numbering.complete(number, book.country)


def _for(rules: Iterable[DialRule], direction: Direction) -> Iterator[DialRule]:
    return (rule for rule in rules if rule.only in (None, direction))


def _by_operator(
    number: _Number, country: str | None, rules: Iterator[DialRule], policy: Policy, changes: bool
) -> _Number:
    """Return a number behind the operator's rules (rule 2)."""
    full = replace(number, text=numbering.complete(number.text, country))
    after = _chained(full, rules, policy, changes)
    return number if after == full else after


def _chained(number: _Number, rules: Iterator[DialRule], policy: Policy, changes: bool) -> _Number:
    """Return a number behind these rules. ``changes``: it is a number that rules may change (rule 5)."""
    for rule in rules:
        if number.problem or number.text in policy.emergency_numbers:
            break
        made = sed.applied(rule, number.text)
        if made == number.text:
            continue
        by = (*number.by, rule)
        if not made:
            number = _Number(made, by, texts.REFUSED.format(rule=sed.written(rule)))
        elif not changes:
            continue
        elif not (numbering.is_number(made) and len(made) <= LONGEST):
            number = _Number(made, by, texts.NO_NUMBER.format(rule=sed.written(rule), text=made[:LONGEST]))
        else:
            number = _Number(made, by)
    return number
