"""Addresses: JIDs and SIP URIs, and the characters that may stand in each.

Rules:

1. The JID of a contact is ``user%domain@gateway``, or ``user@gateway`` for the account's own SIP domain. Which address
   a JID means, `dialling` decides; which JID an address has, `naming`.
2. A domain has one form: small letters, ASCII (RFC 5890), no dot at the end, IPv6 addresses as short as can be.
3. XMPP servers fold the case of a localpart (RFC 6122 §2.3), so a contact's JID is made in lower case.
4. Characters that a SIP URI does not allow are percent-escaped (RFC 3261 §25.1), those that a localpart does not allow
   are escaped after XEP-0106. Control characters and malformed domains are refused.
"""

import ipaddress
import re
import stringprep
import unicodedata
from functools import lru_cache
from typing import Final

import msgspec

from fargo.statemachine import texts

# RFC 3261 §25.1, user = unreserved / escaped / user-unreserved.
_USER_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.!~*'()&=+$,;?/-]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and surrogates, which UTF-8 cannot encode."""
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_HOSTPORT: Final = re.compile(r"(\[(?P<address>[^][]*)\]|(?P<name>[^][:]*))(:(?P<port>[0-9]{1,5}))?")
# XEP-0106 §3.2.
_CODES: Final = "20|22|26|27|2f|3a|3c|3e|40|5c"
_ESCAPED: Final = re.compile(rf"\\({_CODES})")
_TO_ESCAPE: Final = re.compile(rf"""[ "&'/:<>@]|\\(?={_CODES})""")
_NOT_LOCAL: Final = re.compile(r"""[ "&'/:<>@]""")
# RFC 6122 appendix A.5: the characters that no localpart may contain, other than those that are escaped.
_FORBIDDEN: Final = (
    stringprep.in_table_c12,
    stringprep.in_table_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
_NAME_ADDR: Final = re.compile(r"[^<>]*<([^<>]*)>(\s*;[^<>]*)?")
_SCHEME: Final = re.compile(r"sips?:(//)?", re.IGNORECASE)
_UNSEEN: Final = frozenset({"Cf", "Zs", "Zl", "Zp"})
"""The categories of white space, and of characters without a shape."""
_LONGEST: Final = 1023  # bytes of a localpart, RFC 7622 §3.3


class SipUri(msgspec.Struct, frozen=True, gc=False):
    """A SIP address: user and domain, unescaped. ``domain`` may include a port."""

    user: str
    domain: str

    def __str__(self) -> str:
        return f"sip:{escape_user(self.user)}@{self.domain}"

    @property
    def words(self) -> str:
        """The address as people write it, without scheme and escapes."""
        return f"{self.user}@{self.domain}"


class BadAddress(msgspec.Struct, frozen=True, gc=False):
    """A text is not a valid address. ``problem``: the reason, as a sentence for the person who wrote it."""

    problem: str


def bare(jid: str) -> str:
    """Return the bare JID: the JID without its resource (RFC 7622 §3.1)."""
    return jid.partition("/")[0]


def domain_of(jid: str) -> str:
    """Return the domainpart of a JID."""
    return bare(jid).rpartition("@")[2]


def local_of(jid: str) -> str | None:
    """Return the localpart of a JID, None if it has none."""
    return bare(jid).rpartition("@")[0] or None


def escape_user(user: str) -> str:
    """Percent-escape the user part for a SIP URI (RFC 3261 §25.1)."""
    return _USER_UNSAFE.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), user)


def unescape_user(text: str) -> str:
    """Decode the percent-escapes in the user part of a SIP URI. Return it unchanged if the result is not UTF-8."""
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode("utf-8", "surrogatepass"))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return text


def escape_local(text: str) -> str:
    """Escape text for a localpart (XEP-0106 §3.2). A backslash is escaped only where it would read as an escape."""
    return _TO_ESCAPE.sub(lambda m: f"\\{ord(m[0]):x}", text)


def unescape_local(local: str) -> str:
    """Decode the escapes in a localpart (XEP-0106 §3.3)."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), local)


@lru_cache(1024)
def _domain(text: str) -> str | None:
    """Return a domain, which may have a port, in its one form (rule 2); None if it is none."""
    found = _HOSTPORT.fullmatch(text)
    if not found:
        return None
    address, name, port = found["address"], found["name"], found["port"]
    if port is not None and not 0 < int(port) < 65536:
        return None
    host = _ipv6(address) if name is None else _host(name)
    return host and (f"{host}:{int(port)}" if port else host)


def _ipv6(text: str) -> str | None:
    return f"[{ipaddress.IPv6Address(text).compressed}]" if _is_ipv6(text) else None


def _host(name: str) -> str | None:
    try:
        ascii = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return None
    host = ascii.removesuffix(".").lower()
    return host if is_host(host) else None


@lru_cache(1024)
def server(text: str) -> tuple[str, int | None] | None:
    """Return the host and port of a server as people write them; the port is None if there is none.

    The host is a name or an address. An IPv6 address is returned without brackets, and needs them only before a port.
    Return None if the text is no such server.
    """
    if _is_ipv6(text):
        return text, None
    found = _HOSTPORT.fullmatch(text)
    if not found or _domain(text) is None:
        return None
    return found["address"] or found["name"], int(found["port"]) if found["port"] else None


def is_host(text: str) -> bool:
    """Return True for a host name or an IPv4 address, without a port."""
    return len(text) <= 253 and bool(_DOMAIN_NAME.fullmatch(text))


def is_ip(domain: str) -> bool:
    """Return True if a domain, which may have a port, is an IP address."""
    return (found := server(domain)) is not None and _is_address(found[0])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        return ":" in text and ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def checked(user: str, domain: str) -> SipUri | BadAddress:
    """Return the address of a user at a domain, or why there is none."""
    if problem := user_problem(user):
        return BadAddress(problem)
    known = _domain(domain)
    return BadAddress(texts.BAD_DOMAIN.format(domain=printable(domain))) if known is None else SipUri(user, known)


def user_problem(user: str) -> str | None:
    """Return why a text cannot be the user part of an address, None if it can."""
    if not user:
        return texts.NO_USER
    return texts.CONTROL_CHARACTER if _CONTROL.search(user) else None


def printable(text: str) -> str:
    """Return as much of a text as a sentence can show."""
    return "".join(c if c.isprintable() else "?" for c in text)[:80]


def trimmed(text: str) -> str:
    """Return a text without white space and characters without a shape at its ends: they come with what is pasted."""
    start, end = 0, len(text)
    while start < end and _is_unseen(text[start]):
        start += 1
    while start < end and _is_unseen(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in _UNSEEN


def unwrapped(text: str) -> str | None:
    """Return the address in a text as people paste it: without a display name and angle brackets (RFC 3261 §20.10).
    Return None if brackets are not closed.
    """
    if "<" not in text and ">" not in text:
        return trimmed(text)
    found = _NAME_ADDR.fullmatch(trimmed(text))
    return trimmed(found[1]) if found else None


def parse_account(text: str) -> SipUri | BadAddress:
    """Parse a SIP address that a user typed: ``alice@example.org``, or a URI of it."""
    written = unwrapped(text)
    if written is None:
        return BadAddress(texts.NOT_SIP)
    found = _SCHEME.match(written)
    rest = written[found.end() :] if found else written
    if "@" not in rest:
        return BadAddress(texts.NO_DOMAIN)
    parsed = parse_uri(f"sip:{rest}")
    return parsed if isinstance(parsed, BadAddress) else parsed[0]


def contact(uri: SipUri, gateway: str) -> str | BadAddress:
    """Return the JID of a SIP address at the gateway, without its domain if that is ""."""
    user = folded(uri.user)
    if any(map(_is_forbidden, user)):
        return BadAddress(texts.NOT_IN_JID)
    local = escape_local(f"{user}%{uri.domain}" if uri.domain else user)
    if len(local.encode("utf-8", "surrogatepass")) > _LONGEST:
        return BadAddress(texts.TOO_LONG)
    return f"{local}@{gateway}"


def folded(user: str) -> str:
    """Return a user part as it is in a JID (rule 3)."""
    return unicodedata.normalize("NFKC", user).lower()


def is_local(text: str) -> bool:
    """Return True if a text is a localpart as XMPP servers make them (RFC 6122 appendix A): its case is folded, and
    nothing in it is forbidden or without meaning.
    """
    if not 0 < len(text.encode("utf-8", "surrogatepass")) <= _LONGEST or _NOT_LOCAL.search(text):
        return False
    if any(map(stringprep.in_table_b1, text)) or any(map(_is_forbidden, text)):
        return False
    return folded(text) == text


@lru_cache(4096)
def _is_forbidden(character: str) -> bool:
    return any(forbids(character) for forbids in _FORBIDDEN)


def parse_uri(text: str) -> tuple[SipUri, dict[str, str]] | BadAddress:
    """Parse a SIP URI from signalling and return it with its parameters, by lower-case name (RFC 3261 §19.1.1).

    Headers, which follow a ``?``, are dropped. The text is hostile: the caller chose it.
    """
    scheme, _, rest = text.partition(":")
    if scheme.lower() not in ("sip", "sips"):
        return BadAddress(texts.NOT_SIP)
    user, _, tail = rest.rpartition("@")
    hostport = tail.partition("?")[0].partition(";")[0]
    uri = checked(unescape_user(user.partition(":")[0]), trimmed(hostport))
    if isinstance(uri, BadAddress):
        return uri
    return uri, uri_parameters(text)


def uri_parameters(text: str) -> dict[str, str]:
    """Return the parameters of a SIP URI by lower-case name. The user part, which may look like more of them, is not
    read. Whether the rest is an address does not matter.
    """
    parameters = text.rpartition("@")[2].partition("?")[0].partition(";")[2]
    pairs = [each.partition("=") for each in parameters.split(";") if each]
    return {name.lower(): unescape_user(value) for name, _, value in pairs}
