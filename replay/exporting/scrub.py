"""Rename the names in events and commands. Every string is read, and every name in it is renamed.

Rules:

1. A string in any field may contain SIP URIs, IP addresses, domains, and words; a word is the text between two
   delimiters. The core splits strings at delimiters, compares them and joins them, and does nothing else with
   them. So if the events are renamed, the commands that they lead to are the recorded ones, renamed.
2. Numbers are the exception: the core dials them without what stands between their digits, and with a country code if
   the country is known. So they are renamed as they are dialled, and keep the prefix that was written.
3. Escaped names are found too: the escapes of SIP URIs (RFC 3261 §19.1.2) are undone and done again, those of JIDs
   (XEP-0106 §3.2) are delimiters.
4. Few fields have a grammar of their own: see `_FIELDS`.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args, get_origin, get_type_hints
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.address import escape_user, is_host, unescape_local, unescape_user
from fargo.statemachine.numbering import digits
from replay.exporting.keep_words import HOSTS

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_COLON: Final = r"(?::|\\3a)"
_PORT: Final = rf"(?:{_COLON}\d{{1,5}}(?![A-Za-z0-9]))"
_ESCAPE: Final = r"\\(?:5c)?(?:20|22|26|27|2f|3a|3c|3e|40|5c)"
_INVISIBLE: Final = r"\x80-\xa0\xad\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff"
_GRAMMAR: Final = rf"""
    (?P<six>  (?:[0-9A-Fa-f]*{_COLON}){{2,7}}(?:(?:\d+\.){{3}}\d+|[0-9A-Fa-f]*)(?![A-Za-z0-9:\\]) )
  | (?P<ours> (?:look\ like|such\ as)\ (?:(?:alice@sip\.|alice%|sip\.|proxy\.)example\.org|\+44\ 1632\ 960000)
            | on\ \d{{4}}-\d\d-\d\d\ at\ \d\d:\d\d\ UTC
            | org\.freedesktop\.(?:Telepathy|DBus)\.Error\.
            | sha-(?:1|224|256|384|512)(?![A-Za-z0-9])
            | SHA-(?:512-)?256(?![A-Za-z0-9])
            | Q\.850(?![A-Za-z0-9])
            | urn:ietf:rfc:5888(?![0-9])
            | z9hG4bK
            | \]{_PORT}
            | {_ESCAPE} )
  | (?P<dialog> (?<![A-Za-z0-9.-])\d{{1,8}}\.\d{{1,4}}(?:-\d{{1,8}}\.\d{{1,4}})?
                (?:-[0-9a-f]{{16}}(?:\.2)?)+(?![A-Za-z0-9-]) )
  | (?P<uri>  \b[Ss][Ii][Pp][Ss]?:[^\s@<>"]+(?=@) )
  | (?P<hash> (?:[0-9A-Fa-f]{{2}}:){{8,}}[0-9A-Fa-f]{{2}}(?![\w:]) )
  | (?P<four> \d{{1,3}}(?:\.\d{{1,3}}){{3}}(?!\w|\.\w){_PORT}? )
  | (?P<host> {_LABEL}(?:\.{_LABEL})+{_PORT}? )
  | (?P<word> (?:[A-Za-z0-9]|[^\x00-\x7f“”‘’…–—{_INVISIBLE}])+ )
"""
_NUMBER: Final = r"""
    (?P<number> (?<![^\s"<“(:]) (?:^\(|[+\d*\#.\-/‐-―]|\\20|\\2f) (?:[+\d*\#().\-/‐-―]|\\20|\\2f)*+
                (?=@|(?:%|\\40)(?:(?!\\40)[^@%\s])+@) )
  | """
"""A number that is a whole user part, with what stands between its digits."""
_PARTS: Final = re.compile(_NUMBER + _GRAMMAR, re.VERBOSE)
_PARTS_OF_USER: Final = re.compile(_GRAMMAR, re.VERBOSE)
_WORDS: Final = re.compile(rf"(?P<escape>{_ESCAPE})|(?:[A-Za-z0-9]|[^\x00-\x7f“”])+")
_WITH_PORT: Final = re.compile(rf"(?P<host>.*?)(?P<port>{_PORT}?)", re.DOTALL)
_BEHIND_USER: Final = ("@", "%", "\\40")
_STATUS: Final = re.compile(r"(?P<before>([3-6]\d\d(?= |$))?)(?P<words>.*?)(?P<after>(\([3-6]\d\d\))?)", re.DOTALL)
_SCHEME: Final = re.compile(r"\s*(sips?:)?", re.IGNORECASE)
_LONG: Final = re.compile(r"\d{4,}")
"""Digits that may be somebody's number, in a dial rule."""
_PORT_OR_TYPE: Final = re.compile(r"\d{1,5}")
_OUR_NAME: Final = re.compile(r"\d{1,8}(\.\d{1,4}(/\d{1,8}|-\d{1,8}\.\d{1,4})?)?")


class Renaming(Protocol):
    """A function for each kind of name, which returns the name or its replacement."""

    def word(self, word: str) -> str: ...
    def host(self, name: str) -> str: ...
    def address(self, address: str) -> str: ...
    def hash(self, value: str) -> str: ...
    def nonce(self, nonce: str) -> str: ...
    def session(self, name: str) -> str: ...
    def dialog(self, name: str) -> str: ...


Grammar: TypeAlias = Callable[[str, Renaming], str]


def renamed(value: Any, to: Renaming) -> Any:
    """Return an event, a command, or a part or tuple of them, with every name in it renamed."""
    return _renamed(value, _text, to)


def _renamed(value: Any, grammar: Grammar, to: Renaming) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return grammar(value, to)
        case Struct():
            grammars = _grammars(type(value))
            return replace(value, **{name: _renamed(getattr(value, name), g, to) for name, g in grammars.items()})
        case Mapping():
            return {_renamed(k, grammar, to): _renamed(v, grammar, to) for k, v in value.items()}
        case tuple():
            return tuple(_renamed(each, grammar, to) for each in value)
        case _:
            return value


@cache
def _grammars(kind: type[Struct]) -> dict[str, Grammar]:
    """Return the grammar of each field of a type, except of fields that hold one of a few words of ours."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name in kind.__struct_fields__}
    ours = {
        name for name, hint in hints.items() if any(get_origin(each) is Literal for each in (hint, *get_args(hint)))
    }
    fields = {name: _FIELDS.get(f"{kind.__name__}.{name}") or _FIELDS.get(name) or _text for name in hints}
    return {name: grammar for name, grammar in fields.items() if name not in ours}


# --- grammars


def _text(text: str, to: Renaming) -> str:
    """Rename the names in a string (rule 1)."""
    return _PARTS.sub(lambda found: _part(found, to), text)


def _part(found: re.Match[str], to: Renaming) -> str:
    part = found[0]
    match found.lastgroup:
        case "ours":
            return part
        case "uri":
            scheme, _, user = part.partition(":")
            return f"{scheme}:{_user_of_uri(user, to)}"
        case "number":
            number = digits(unescape_local(part))
            return _parts_of_user(part, to) if number is None else _words(number, to)
        case "dialog":
            return to.dialog(part)
        case "hash":
            return to.hash(part)
        case "six" if _is_address(six := part.replace("\\3a", ":")):
            return to.address(six).replace(":", ":" if six == part else "\\3a")
        case "four" | "host":
            return _host(found, to)
        case _:
            return _words(part, to)


def _host(found: re.Match[str], to: Renaming) -> str:
    """Rename a domain or IPv4 address and its port; or a user part, which may look the same."""
    split = _WITH_PORT.fullmatch(found[0])
    assert split
    host, port = split["host"], split["port"]
    if _is_address(host):
        return to.address(host) + port
    before, after = found.string[: found.start()], found.string[found.end() :]
    if after.startswith(_BEHIND_USER) and not before.endswith(_BEHIND_USER):
        return _words(found[0], to)
    if host.lower() in HOSTS:
        return found[0]
    return (to.host(host) if is_host(host) and not host[-1].isdecimal() else _words(host, to)) + port


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _words(text: str, to: Renaming) -> str:
    return _WORDS.sub(lambda found: found[0] if found["escape"] else to.word(found[0]), text)


def _spoken(text: str, to: Renaming) -> str:
    """Rename the names in a reason for people, which may begin or end with a SIP status code."""
    split = _STATUS.fullmatch(text)
    assert split
    return split["before"] + _text(split["words"], to) + split["after"]


def _user_of_uri(user: str, to: Renaming) -> str:
    """Rename the user and password of a SIP URI."""
    return ":".join(escape_user(_user(unescape_user(part), to)) for part in user.split(":"))


def _user(user: str, to: Renaming) -> str:
    """Rename the user part of an address, by itself. A number is renamed as it is dialled."""
    number = digits(user)
    return _parts_of_user(user, to) if number is None else _words(number, to)


def _parts_of_user(user: str, to: Renaming) -> str:
    return _PARTS_OF_USER.sub(lambda found: _part(found, to), f"{user}@")[:-1]


def _uri(uri: str, to: Renaming) -> str:
    """Rename a SIP URI (RFC 3261 §19.1.1), with its scheme or without."""
    user, at, tail = uri.rpartition("@")
    if not at:
        return _text(uri, to)
    scheme = _SCHEME.match(user)
    assert scheme
    host, *parameters = tail.split(";")
    address = f"{scheme[0]}{_user_of_uri(user[scheme.end() :], to)}@{_text(host, to)}"
    return ";".join([address, *(_parameter(each, to) for each in parameters)])


def _parameter(parameter: str, to: Renaming) -> str:
    """Rename a parameter of a URI. Characters that cannot be printed are left out, as nobody reads them."""
    name, equals, value = parameter.partition("=")
    seen = "".join(c for c in unescape_user(value) if c.isprintable())
    return f"{_text(name, to)}{equals}{quote(_text(seen, to), safe='')}"


def _typed(text: str, to: Renaming) -> str:
    """Rename what was typed at the prompt: a number, or anything else."""
    written = re.sub(r"^\s*tel:", "", text, flags=re.IGNORECASE)
    number = digits(written.partition(";")[0])
    return _words(number, to) if number is not None and "phone-context" not in written else _text(text, to)


def _spelled(text: str, to: Renaming) -> str:
    """Rename a user part as it is spelled, or the address by which that is known."""
    return _text(text, to) if "@" in text else _user(text, to)


def _our_name(name: str, to: Renaming) -> str:
    """Keep the id of a command, connection, channel or call, which is made of versions. The name of a dialog may have a
    hash behind it.
    """
    return name if _OUR_NAME.fullmatch(name) else _text(name, to)


def _refer_to(text: str, to: Renaming) -> str:
    """Rename a Refer-To (RFC 3515 §2.1), whose URI may demand a header of a call."""
    address, question, headers = text.partition("?")
    pairs = (each.partition("=") for each in headers.split("&"))
    renamed = (f"{name}{equals}{_escaped(value, to)}" for name, equals, value in pairs)
    return f"{_text(address, to)}{question}{'&'.join(renamed)}"


def _escaped(value: str, to: Renaming) -> str:
    """Rename the value of a header in a URI. What stands behind the URI is no part of it."""
    inside, bracket, behind = value.partition(">")
    return f"{quote(_replaces(unescape_user(inside), to), safe='')}{bracket}{_text(behind, to)}"


def _replaces(text: str, to: Renaming) -> str:
    """Rename a dialog as Replaces has it (RFC 3891 §6.1)."""
    call_id, *parameters = text.split(";")
    pairs = (each.partition("=") for each in parameters)
    return ";".join((_text(call_id, to), *(f"{name}{equals}{_text(value, to)}" for name, equals, value in pairs)))


def _media_line(line: str, to: Renaming) -> str:
    """Rename the names in an m= line (RFC 4566 §5.14), which usually has none. Ports and payload types are none."""
    return " ".join(each if _PORT_OR_TYPE.fullmatch(each) else _text(each, to) for each in line.split(" "))


def _dial_rule(rule: str, to: Renaming) -> str:
    """Rename what is a number and no prefix in a dial rule."""
    return _LONG.sub(lambda found: to.word(found[0]), rule)


_PACKAGES: Final = frozenset({"message-summary", "refer", "dialog", "presence", "conference", "talk", "hold"})
"""Event packages (RFC 6665 §7.2): those that the gateway or phones know."""
_FIELDS: Final[Mapping[str, Grammar]] = {
    "nonce": lambda nonce, to: to.nonce(nonce),
    **dict.fromkeys(("sid", "session", "other_sid"), lambda name, to: to.session(name)),
    "Challenge.nonce": _text,
    **dict.fromkeys(("command", "connection", "channel", "leg", "call", "Issued.id", "Client.asked"), _our_name),
    **dict.fromkeys(
        ("dialog", "cancels", "repeats", "registrations", "InviteReceived.name", "TextReceived.name", "Binding.name"),
        _our_name,
    ),
    "Subscription.name": _our_name,
    **dict.fromkeys(("KeptText.name", "ForgetText.name"), lambda name, _: name),
    **dict.fromkeys(("TextWritten.id", "ConfirmText.stanza", "RefuseText.stanza"), _text),
    **dict.fromkeys(("CallArrived.caller", "PlaceCall.target", "SipAccount.address"), _uri),
    **dict.fromkeys(("SipAccount.auth_user", "DigestCredentials.user", "Registration.user", "SipUri.user"), _user),
    "Sdp.media": _media_line,
    **dict.fromkeys(
        ("ContactAsked.typed", "SetForward.number", "CallNumber.number", "TransferCall.number", "KeepContact.number"),
        _typed,
    ),
    "spelled": _spelled,
    **dict.fromkeys(("DialRule.text", "Rewriting.rules"), _dial_rule),
    **dict.fromkeys(("TryNumber.number", "Rewriting.written", "Rewriting.number", "Rewriting.result"), _typed),
    "country": lambda country, _: country,
    **dict.fromkeys(("SipHeaders.replaces", "Referral.replaces"), _replaces),
    "SipHeaders.refer_to": _refer_to,
    "SipHeaders.event": lambda package, to: package if package in _PACKAGES else _text(package, to),
    "RequestsRefused.counts": lambda limit, _: limit,
    **dict.fromkeys(("text", "message"), _spoken),
}
"""The grammar of a field, by its name, or by its type and name; any other field is text."""
