"""What a user writes behind the word ``sed`` in a chat with the gateway, as a request about dial rules.

Rule: it is a rule (`dial_rules.sed`), or an option: ``-l`` lists the rules, ``-d 2`` deletes one, and ``-t`` tries what
becomes of a telephone number, in a call in with ``-i`` before it.
"""

import re
from typing import Final

from fargo.statemachine import numbering
from fargo.statemachine.dial_rules import sed
from fargo.statemachine.dial_rules.sed import BadRule
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.requests import (
    AddRule,
    DeleteRule,
    GatewayRequest,
    NotUnderstood,
    RuleRefused,
    ShowRules,
    TryNumber,
)

_SED: Final = re.compile(r"/?sed(?:\s+(?P<asked>.*))?", re.IGNORECASE | re.DOTALL)
_DELETE: Final = re.compile(r"-d\s*(\d{1,4})")
_TRY: Final = re.compile(r"(?:-(?P<only>[io])\s+)?-t\s*(?P<number>.+)")
_LIST: Final = "-l"


def request(body: str) -> GatewayRequest | None:
    """Return what a text asks for, None if it does not begin with the word."""
    found = _SED.fullmatch(body.strip())
    return found and _asked((found["asked"] or _LIST).strip())


def _asked(text: str) -> GatewayRequest:
    if text == _LIST:
        return ShowRules()
    if found := _DELETE.fullmatch(text):
        return DeleteRule(int(found[1]))
    if found := _TRY.fullmatch(text):
        number = numbering.digits(found["number"])
        direction = Direction.IN if found["only"] == "i" else Direction.OUT
        return NotUnderstood() if number is None else TryNumber(number, direction)
    rule = sed.parsed(text)
    return RuleRefused(rule.problem) if isinstance(rule, BadRule) else AddRule(rule)
