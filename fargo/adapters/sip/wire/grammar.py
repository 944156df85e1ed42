"""The grammar that SIP headers share (RFC 3261 §7.3.1, §25.1): lists, parameters, quoted strings, addresses.

Rules:

1. A comma separates values, and a semicolon parameters, only outside quoted strings and angle brackets.
2. Every function takes time proportional to the length of its text: no pattern can match in two ways.
3. The first parameter of a name counts. Names of parameters are in lower case, as they are compared so.
4. What people read (display names, texts) has no unprintable character. What a response repeats is never taken from
   here, but from the text that arrived.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from fargo.adapters.sip.wire import texts
from fargo.adapters.sip.wire.message import NUMBER, TOKEN, MalformedSipError, UnwritableSipError

CACHED: Final = 1024
"""The number of texts whose reading is remembered: most repeat within a call, and from call to call."""

LWS: Final = " \t"
_INSIDE: Final = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
_QUOTED: Final = re.compile(rf'"({_INSIDE})"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
# In each, a match without a group is a quote or bracket that is never closed; the group "cut" is a separator.
_COMMA: Final = re.compile(rf'"{_INSIDE}(")?|<[^>]*+(>)?|(?P<cut>,)', re.DOTALL)
_COMMA_OR_QUOTE: Final = re.compile(rf'"{_INSIDE}(")?|(?P<cut>,)', re.DOTALL)
_SEMICOLON: Final = re.compile(rf'"{_INSIDE}(")?|(?P<cut>;)', re.DOTALL)
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+:[^\x00-\x20\x7f<>\"]++")
_BARE: Final = re.compile(r"[^\x00-\x20\",;<>\x7f-\U0010ffff]++")
_NONE: Final[Mapping[str, str | None]] = MappingProxyType({})
_WORD: Final = 2**32 - 1


class NameAddr(NamedTuple):
    """An address in a header (RFC 3261 §20.10): a URI, its display name, and the header's parameters.

    ``uri`` is "*" for the Contact that stands for all. A parameter without a value has None.
    """

    uri: str
    name: str | None = None
    parameters: Mapping[str, str | None] = MappingProxyType({})


# --- reading


def printable(text: str) -> str:
    """Return the text without the characters that cannot be shown, and without space around it."""
    return (text if text.isprintable() else "".join(filter(str.isprintable, text))).strip()


def number(text: str | None, most: int = _WORD) -> int:
    """Return the number in a text of ASCII digits. Raise MalformedSipError if it is none or greater than ``most``."""
    if text is None or not NUMBER.fullmatch(text) or int(text) > most:
        raise MalformedSipError(texts.BAD_NUMBER)
    return int(text)


@lru_cache(CACHED)
def items(text: str) -> tuple[str, ...]:
    """Return the parts of a list, which may be empty."""
    if '"' not in text and "<" not in text:
        return tuple(part.strip(LWS) for part in text.split(","))
    return _split(_COMMA, text)


def entries(values: Iterable[str], name: str) -> tuple[str, ...]:
    """Return the values of a header that may be a list or stand in several lines. Refuse empty values."""
    found: list[str] = []
    for value in values:
        found += items(value) if "," in value else (value,)
    if "" in found:
        raise MalformedSipError(texts.BAD_HEADER.format(name=name))
    return tuple(found)


@lru_cache(CACHED)
def tokens(text: str) -> tuple[str, ...]:
    """Return the tokens of a list. Empty parts are skipped."""
    found = tuple(filter(None, items(text)))
    if not all(map(TOKEN.fullmatch, found)):
        raise MalformedSipError(texts.BAD_TOKEN)
    return found


def quotable_items(text: str) -> tuple[str, ...]:
    """Return the parts of a list in which angle brackets have no meaning."""
    return _split(_COMMA_OR_QUOTE, text)


def parameters(text: str) -> Mapping[str, str | None]:
    """Return parameters by name, from a text that begins with the first name. Empty parameters are skipped."""
    found: dict[str, str | None] = {}
    for part in _split(_SEMICOLON, text) if '"' in text else text.split(";"):
        name, equals, value = part.partition("=")
        if name := name.strip(LWS).lower():
            found.setdefault(name, unquoted(value.strip(LWS)) if equals else None)
    return found


def unquoted(text: str) -> str:
    """Return the value of a quoted string, or the text itself if it is not quoted."""
    if text[:1] != '"':
        return text
    found = _QUOTED.fullmatch(text)
    if not found:
        raise MalformedSipError(texts.UNCLOSED)
    return _ESCAPED.sub(r"\1", found[1]) if "\\" in found[1] else found[1]


@lru_cache(CACHED)
def address(text: str) -> NameAddr:
    """Return an address: ``"name" <uri>;parameters``, ``name <uri>;parameters`` or ``uri;parameters``.

    A display name without quotes may contain characters that require them, as senders in use omit the quotes.
    """
    quoted = _QUOTED.match(text)
    before, bracket, rest = (text[quoted.end() :] if quoted else text).partition("<")
    if not bracket or (";" in before and _URI.fullmatch(before.partition(";")[0].strip(LWS))):
        return _address_without_brackets(text)
    uri, close, after = rest.partition(">")
    uri, after, before = uri.strip(LWS), after.strip(LWS), before.strip(LWS)
    if not close or (quoted and before) or '"' in before or (after and after[0] != ";") or not _URI.fullmatch(uri):
        raise MalformedSipError(texts.BAD_ADDRESS)
    name = printable(unquoted(quoted[0]) if quoted else before)
    return NameAddr(uri, name or None, parameters(after[1:]) if after else _NONE)


def _address_without_brackets(text: str) -> NameAddr:
    uri, _, after = text.partition(";")
    uri = uri.strip(LWS)
    # RFC 3261 §20.10: such a URI has to stand in angle brackets.
    if "?" in uri or "," in uri or not _URI.fullmatch(uri):
        raise MalformedSipError(texts.BAD_ADDRESS)
    return NameAddr(uri, None, parameters(after) if after else _NONE)


def tag(of: NameAddr) -> str | None:
    """Return the tag of From or To, None if it has none."""
    if "tag" not in of.parameters:
        return None
    found = of.parameters["tag"]
    if not found or not _BARE.fullmatch(found):
        raise MalformedSipError(texts.BAD_ADDRESS)
    return found


def _split(marks: re.Pattern[str], text: str) -> tuple[str, ...]:
    parts, start = [], 0
    for found in marks.finditer(text):
        if found.lastindex is None:
            raise MalformedSipError(texts.UNCLOSED)
        if found.lastgroup == "cut":
            parts.append(text[start : found.start()].strip(LWS))
            start = found.end()
    parts.append(text[start:].strip(LWS))
    return tuple(parts)


# --- writing


def quoted(text: str) -> str:
    """Return a text as a quoted string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def written_address(uri: str, name: str | None = None, parameters: Mapping[str, str | None] = _NONE) -> str:
    """Return the text of an address. Raise UnwritableSipError if the URI or a parameter would leave its place."""
    if not _URI.fullmatch(uri) or not all(map(TOKEN.fullmatch, parameters)):
        raise UnwritableSipError(texts.NOT_WRITABLE.format(what=texts.ADDRESS))
    after = "".join(f";{each}{_written_value(value)}" for each, value in parameters.items())
    return f"{f'{quoted(name)} ' if name else ''}<{uri}>{after}"


def _written_value(value: str | None) -> str:
    if value is None:
        return ""
    return f"={value if _BARE.fullmatch(value) else quoted(value)}"


def written_tokens(values: Collection[str], name: str, separator: str = ", ") -> str:
    """Return the text of a list of tokens, for the header ``name``."""
    if not all(map(TOKEN.fullmatch, values)):
        raise UnwritableSipError(texts.NOT_WRITABLE.format(what=name))
    return separator.join(values)
