"""What a user writes to the gateway itself, as a request.

Rules:

1. Words may be in any case, with any white space between and around them, and with a slash before the first.
2. What is understood only in part is not understood.
3. Behind ``sed`` stands a dial rule (`dial_rules.sed`), or an option: ``-l`` lists the rules, ``-d 2`` deletes one, and
   ``-t`` tries what becomes of a telephone number, in a call in with ``-i`` before it.
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
    EndCalls,
    GatewayRequest,
    NotUnderstood,
    RuleRefused,
    SetBusy,
    SetStay,
    ShowCalls,
    ShowHelp,
    ShowRules,
    ShowStatus,
    TryNumber,
)

_REQUESTS: Final[dict[str, GatewayRequest]] = {
    "help": ShowHelp(),
    "?": ShowHelp(),
    "status": ShowStatus(),
    "calls": ShowCalls(),
    "hang up": EndCalls(),
    "hangup": EndCalls(),
    "busy on": SetBusy(True),
    "busy off": SetBusy(False),
    "rules": ShowRules(),
    "stay on": SetStay(True),
    "stay off": SetStay(False),
}
_SED: Final = re.compile(r"/?sed(?:\s+(?P<asked>.*))?", re.IGNORECASE | re.DOTALL)
_DELETE: Final = re.compile(r"-d\s*(\d{1,4})")
_TRY: Final = re.compile(r"(?:-(?P<only>[io])\s+)?-t\s*(?P<number>.+)")


def request(body: str) -> GatewayRequest:
    """Return what a text asks for."""
    if found := _SED.fullmatch(body.strip()):
        return _sed((found["asked"] or "-l").strip())
    words = " ".join(body.split()).removeprefix("/").casefold()
    return _REQUESTS.get(words, NotUnderstood())


def _sed(asked: str) -> GatewayRequest:
    """Return what is asked for behind the word ``sed``."""
    if asked == "-l":
        return ShowRules()
    if found := _DELETE.fullmatch(asked):
        return DeleteRule(int(found[1]))
    if found := _TRY.fullmatch(asked):
        number = numbering.digits(found["number"])
        direction = Direction.IN if found["only"] == "i" else Direction.OUT
        return NotUnderstood() if number is None else TryNumber(number, direction)
    rule = sed.parsed(asked)
    return RuleRefused(rule.problem) if isinstance(rule, BadRule) else AddRule(rule)
