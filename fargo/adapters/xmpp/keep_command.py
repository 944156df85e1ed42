"""A user's words behind ``keep`` in a chat with the gateway, or fills into the form about keeping a contact.

Rules:

1. Behind the word may stand a number or address, then “as” and a name, or one of the two.
2. A name is on one line, without what cannot be printed, and has LONGEST_NAME characters at most.
"""

import re
from collections.abc import Mapping
from typing import Final

from fargo.adapters.xmpp import texts, typed_address
from fargo.adapters.xmpp.stanza import MAX_TEXT, MalformedError
from fargo.statemachine.model.requests import GatewayRequest, KeepContact, NotUnderstood
from fargo.statemachine.self_service.commands import NAME, NUMBER

LONGEST_NAME: Final = 80
_KEEP: Final = re.compile(r"/?keep(?:\s+(?!as\s)(?P<number>.+?))?(?:\s+as\s+(?P<name>.+))?", re.IGNORECASE | re.DOTALL)


def request(body: str) -> GatewayRequest | None:
    """Return what a text asks for, None if it does not begin with the word."""
    found = _KEEP.fullmatch(body.strip())
    if found is None:
        return None
    number, name = _line(found["number"] or ""), _line(found["name"] or "")
    fits = len(number) <= MAX_TEXT and len(name) <= LONGEST_NAME and typed_address.is_possible(number)
    return KeepContact(number or None, name or None) if fits else NotUnderstood()


def submitted(values: Mapping[str, str]) -> KeepContact:
    """Return what the fields of the form ask for. Raise MalformedError."""
    number, name = (_line(values.get(field, "")) for field in (NUMBER, NAME))
    if len(name) > LONGEST_NAME:
        raise MalformedError(texts.TOO_LONG.format(what=texts.NAME, limit=LONGEST_NAME))
    if not typed_address.is_possible(number):
        raise MalformedError(texts.NO_ADDRESS)
    return KeepContact(number or None, name or None)


def _line(text: str) -> str:
    return "".join(each for each in " ".join(text.split()) if each.isprintable())
