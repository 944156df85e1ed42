"""Addresses: JIDs, SIP URIs, and the mapping between a contact's JID and its SIP URI.

Rules:

1. The JID of a contact is ``user%domain@gateway``. ``user\\40domain@gateway`` (XEP-0106) is accepted too. A localpart
   without a domain belongs to the account's own SIP domain, so ``+441632960000@gateway`` dials a number.
2. The last ``%`` or ``@`` separates user and domain: a domain contains neither.
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
_SEPARATORS: Final = dict.fromkeys(map(ord, " -.()/"))
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
def _is_domain(text: str) -> bool:
    found = _HOSTPORT.fullmatch(text)
    if not found:
        return False
    address, name, port = found["address"], found["name"], found["port"]
    if port is not None and not 0 < int(port) < 65536:
        return False
    return _is_ipv6(address) if name is None else is_host(name)


def server(text: str) -> tuple[str, int | None] | None:
    """Return the host and port of a server as people write them; the port is None if there is none.

    The host is a name or an address. An IPv6 address is returned without brackets, and needs them only before a port.
    Return None if the text is no such server.
    """
    if _is_ipv6(text):
        return text, None
    found = _HOSTPORT.fullmatch(text)
    if not found or not _is_domain(text):
        return None
    return found["address"] or found["name"], int(found["port"]) if found["port"] else None


def is_host(text: str) -> bool:
    """Return True for a host name or an IPv4 address, without a port."""
    return len(text) <= 253 and bool(_DOMAIN_NAME.fullmatch(text))


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _checked(user: str, domain: str) -> SipUri | BadAddress:
    if not user:
        return BadAddress(texts.NO_USER)
    if _CONTROL.search(user):
        return BadAddress(texts.CONTROL_CHARACTER)
    if not _is_domain(domain):
        return BadAddress(texts.BAD_DOMAIN.format(domain=_printable(domain)))
    return SipUri(user, domain.lower())


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:80]


def parse_account(text: str) -> SipUri | BadAddress:
    """Parse a SIP address that a user typed: ``alice@example.org`` or ``sip:alice@example.org``."""
    text = text.strip()
    if text[:4].lower() == "sip:":
        text = text[4:]
    user, at, domain = text.rpartition("@")
    if not at:
        return BadAddress(texts.NO_DOMAIN)
    return _checked(unescape_user(user), domain)


def parse_contact(jid: str, own_domain: str) -> SipUri | BadAddress:
    """Return the SIP address of a contact's JID at the gateway. ``own_domain``: the account's SIP domain."""
    local = local_of(jid)
    if local is None:
        return BadAddress(texts.GATEWAY_ITSELF)
    local = unescape_local(local)
    split = max(local.rfind("%"), local.rfind("@"))
    if split < 0:
        return _checked(local, own_domain)
    return _checked(local[:split], local[split + 1 :])


def dialled(jid: str) -> str:
    """Return the number in a contact's JID without the signs that people write between digits (RFC 3966 §5.1.1, and
    space and slash), and without its domain.
    """
    local = unescape_local(local_of(jid) or "")
    split = max(local.rfind("%"), local.rfind("@"))
    return (local[:split] if split >= 0 else local).translate(_SEPARATORS)


def contact(uri: SipUri, gateway: str) -> str | BadAddress:
    """Return the JID of a SIP address at the gateway. It always includes the domain, so that it is the same for every
    account.
    """
    user = unicodedata.normalize("NFKC", uri.user).lower()
    if any(map(_is_forbidden, user)):
        return BadAddress(texts.NOT_IN_JID)
    local = escape_local(f"{user}%{uri.domain}")
    if len(local.encode("utf-8", "surrogatepass")) > _LONGEST:
        return BadAddress(texts.TOO_LONG)
    return f"{local}@{gateway}"


def is_local(text: str) -> bool:
    """Return True if a text is a localpart as XMPP servers make them (RFC 6122 appendix A): its case is folded, and
    nothing in it is forbidden or without meaning.
    """
    if not 0 < len(text.encode("utf-8", "surrogatepass")) <= _LONGEST or _NOT_LOCAL.search(text):
        return False
    if any(map(stringprep.in_table_b1, text)) or any(map(_is_forbidden, text)):
        return False
    return unicodedata.normalize("NFKC", text).lower() == text


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
    hostport, _, parameters = tail.partition("?")[0].partition(";")
    checked = _checked(unescape_user(user.partition(":")[0]), hostport)
    if isinstance(checked, BadAddress):
        return checked
    pairs = [p.partition("=") for p in parameters.split(";") if p]
    return checked, {name.lower(): unescape_user(value) for name, _, value in pairs}
