"""The user's dial rules: listing, adding and deleting them, and trying what becomes of a number."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import dialling
from fargo.statemachine.address import BadAddress
from fargo.statemachine.dial_rules import rewriting, sed
from fargo.statemachine.dial_rules.sed import BadRule
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.requests import DialRule, TryNumber
from fargo.statemachine.self_service import texts
from fargo.statemachine.user_state import User, address_book

MOST: Final = 32
"""The number of rules that a user may have."""


def listed(user: User) -> str:
    """Return the rules, with the numbers by which they are deleted."""
    own = [texts.RULE.format(number=n, rule=sed.written(each)) for n, each in enumerate(user.settings.rules, 1)]
    operators = [texts.RULE_OF_ALL.format(rule=sed.written(each)) for each in user.policy.dial_rules]
    return "\n".join([*(own or [texts.NO_RULES]), *operators])


def added(user: User, rule: DialRule) -> tuple[User, str]:
    """Return the user with one more rule, and the answer."""
    known, rules = sed.parsed(sed.written(rule)), user.settings.rules
    if isinstance(known, BadRule):
        return user, known.problem
    if len(rules) >= MOST:
        return user, texts.TOO_MANY_RULES.format(most=MOST)
    return _with(user, (*rules, known)), texts.RULE_ADDED.format(number=len(rules) + 1, rule=sed.written(known))


def deleted(user: User, number: int) -> tuple[User, str]:
    """Return the user without a rule, and the answer."""
    rules = user.settings.rules
    if not 0 < number <= len(rules):
        return user, texts.NO_SUCH_RULE.format(number=number)
    left = (*rules[: number - 1], *rules[number:])
    return _with(user, left), texts.RULE_DELETED.format(rule=sed.written(rules[number - 1]))


def _with(user: User, rules: tuple[DialRule, ...]) -> User:
    return replace(user, settings=replace(user.settings, rules=rules))


def tried(user: User, asked: TryNumber, gateway: str) -> str:
    """Return what becomes of a number. ``gateway``: its JID."""
    number, book = asked.number, address_book(user, gateway)
    if number in user.policy.emergency_numbers and asked.direction is Direction.OUT:
        return texts.TRIED_EMERGENCY.format(number=number)
    uri = dialling.typed(number, book)
    if isinstance(uri, BadAddress):
        return uri.problem
    further = () if asked.rule is None else (asked.rule,)
    settings = replace(user.settings, rules=(*user.settings.rules, *further))
    known = rewriting.rewritten(uri, book, settings, user.policy, asked.direction)
    if known.refusal:
        return known.refusal.text
    text = texts.TRIED_SAME if known.uri.user == number else texts.TRIED
    return text.format(number=number, result=known.uri.user)
