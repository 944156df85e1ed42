"""A user's words behind ``sed`` in a chat with the gateway, or fills into the form about dial rules.

Rules:

1. Behind the word stands a rule (`dial_rules.sed`), or an option: ``-l`` lists the rules, ``-d 2`` deletes one, and
   ``-t`` tries what becomes of a telephone number, in a call in with ``-i`` before it.
2. In the form, a number to try comes before all else, and a rule to add before one to delete.
"""

import re
from collections.abc import Mapping
from typing import Final

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import MalformedError
from fargo.statemachine import numbering
from fargo.statemachine.dial_rules import sed
from fargo.statemachine.dial_rules.sed import BadRule
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.requests import (
    AddRule,
    DeleteRule,
    DialRule,
    GatewayRequest,
    RuleRefused,
    ShowRules,
    TryNumber,
)
from fargo.statemachine.self_service.commands import DELETE, NUMBER, RULE

_SED: Final = re.compile(r"/?sed(?:\s+(?P<asked>.*))?", re.IGNORECASE | re.DOTALL)
_DELETE: Final = re.compile(r"-d\s*(\d{1,4})", re.ASCII)
_TRY: Final = re.compile(r"(?:-(?P<only>[io])\s+)?-t\s*(?P<number>.*)")
_LIST: Final = "-l"
_PLACE: Final = re.compile(r"\d{1,4}", re.ASCII)


def request(body: str) -> GatewayRequest | None:
    """Return what a text asks for, None if it does not begin with the word."""
    found = _SED.fullmatch(body.strip())
    return found and _asked((found["asked"] or _LIST).strip())


def _asked(text: str) -> GatewayRequest:
    if text == _LIST:
        return ShowRules()
    if found := _DELETE.fullmatch(text):
        return DeleteRule(int(found[1]))
    if text.startswith("-d"):
        return RuleRefused(texts.NO_RULE_NUMBER)
    if found := _TRY.fullmatch(text):
        number = numbering.digits(found["number"])
        direction = Direction.IN if found["only"] == "i" else Direction.OUT
        return RuleRefused(texts.NO_NUMBER_TO_TRY) if number is None else TryNumber(number, direction)
    rule = sed.parsed(text)
    return RuleRefused(rule.problem) if isinstance(rule, BadRule) else AddRule(rule)


def submitted(values: Mapping[str, str]) -> GatewayRequest:
    """Return what the fields of the form ask for (rule 2). Raise MalformedError."""
    written, number, place = (values.get(name, "").strip() for name in (RULE, NUMBER, DELETE))
    rule = sed.parsed(written) if written else None
    if isinstance(rule, BadRule):
        return RuleRefused(rule.problem)
    if number:
        return _tried(number, rule)
    if rule:
        return AddRule(rule)
    if place and not _PLACE.fullmatch(place):
        raise MalformedError(texts.NO_RULE_NUMBER)
    return DeleteRule(int(place)) if place else ShowRules()


def _tried(text: str, rule: DialRule | None) -> GatewayRequest:
    number = numbering.digits(text)
    if number is None:
        raise MalformedError(texts.NO_NUMBER_TO_TRY)
    direction = Direction.IN if rule and rule.only is Direction.IN else Direction.OUT
    return TryNumber(number, direction, rule)
