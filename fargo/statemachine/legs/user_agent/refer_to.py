"""The texts of a transfer: whom a REFER names (RFC 3515 §2.1), and which dialog an INVITE takes over (RFC 3891 §6.1).

Rules:

1. The texts are hostile. What is sent on is written anew from what was read, and never copied: a text in a URI may have
   line breaks behind percent signs.
2. Of the headers that a URI may demand, only Replaces counts, and Require if it names that. A URI that demands another
   method than INVITE names nobody to call.
3. Whoever has an address of the account's provider for a host is at the account's own domain, and so is a number with
   an IP address for a host: PBXs and their phones name each other like this. A tel URI has no host at all.
"""

import re
from typing import Final

from msgspec import Struct

from fargo.statemachine import numbering
from fargo.statemachine.address import BadAddress, SipUri, is_ip, parse_uri, server, unescape_user
from fargo.statemachine.legs.sip.phases import Trunk
from fargo.statemachine.legs.user_agent.dialog import Dialog, uri
from fargo.statemachine.texts import NOT_SIP

_CALL_ID: Final = re.compile(r"[!-:<-~]{1,255}")
_TOKEN: Final = re.compile(r"[-A-Za-z0-9.!%*_+`'~]{1,255}")
_NUMBER: Final = re.compile(r"\+?[0-9]{2,}")
_NAME_ADDR: Final = re.compile(r"<[!-~]{1,512}>")


class Replaces(Struct, frozen=True, gc=False):
    """A dialog that is to be taken over. The tags are named as its receiver sees them: ``to_tag`` is theirs,
    ``from_tag`` that of the other end. ``early_only``: only if it is not confirmed.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @property
    def text(self) -> str:
        """Return the value of a Replaces header."""
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"

    def names(self, of: Dialog) -> bool:
        """Return True if this is a dialog of ours."""
        return (self.call_id, self.to_tag, self.from_tag) == (of.call_id, of.local.tag, of.remote.tag)


def replaces(text: str) -> Replaces | None:
    """Return the dialog in the value of a Replaces header, None if it is malformed."""
    call_id, *parameters = (each.strip() for each in text.split(";"))
    pairs = (each.partition("=") for each in parameters)
    found = {name.strip().lower(): value.strip() for name, _, value in pairs}
    tags = found.get("to-tag", ""), found.get("from-tag", "")
    if not _CALL_ID.fullmatch(call_id) or not all(map(_TOKEN.fullmatch, tags)):
        return None
    return Replaces(call_id, *tags, "early-only" in found)


class ReferTarget(Struct, frozen=True, gc=False):
    """The end that a REFER names. ``replaces``: the dialog that is to be taken over there, None if it is called
    anew. ``required``: the end is not to be called if it cannot take that over (RFC 5589 §7.5).
    """

    uri: SipUri
    replaces: Replaces | None = None
    required: bool = False


def named(refer_to: str, trunk: Trunk | None) -> ReferTarget | BadAddress:
    """Return whom the value of Refer-To names, or why it names nobody who can be called."""
    text = uri(refer_to)
    before = text.partition("@")[0] if "@" in text else ""  # a user may have a question mark (RFC 3261 §25.1)
    behind, _, wanted = text.removeprefix(before).partition("?")
    found = _address(before + behind, trunk)
    if isinstance(found, BadAddress):
        return found
    headers = dict(_headers(wanted))
    if "replaces" not in headers:
        return ReferTarget(found)
    taken = replaces(headers["replaces"])
    required = [each.strip().lower() for each in headers.get("require", "").split(",")]
    return BadAddress(NOT_SIP) if taken is None else ReferTarget(found, taken, "replaces" in required)


def _headers(text: str) -> list[tuple[str, str]]:
    """Return the headers that a URI demands, by their names in lower case."""
    pairs = (each.partition("=") for each in text.split("&") if each)
    return [(unescape_user(name).lower(), unescape_user(value)) for name, _, value in pairs]


def _address(text: str, trunk: Trunk | None) -> SipUri | BadAddress:
    """Return the address of a URI without headers (rule 3)."""
    scheme, _, rest = text.partition(":")
    if scheme.lower() == "tel":
        number = numbering.digits(unescape_user(rest).partition(";")[0])
        return SipUri(number, trunk.own.domain) if trunk and number else BadAddress(NOT_SIP)
    parsed = parse_uri(text)
    if isinstance(parsed, BadAddress):
        return parsed
    found, parameters = parsed
    if parameters.get("method", "INVITE").upper() != "INVITE":
        return BadAddress(NOT_SIP)
    if trunk and is_ip(found.domain) and (_NUMBER.fullmatch(found.user) or _is_of(trunk, found.domain)):
        return SipUri(found.user, trunk.own.domain)
    return found


def _is_of(trunk: Trunk, domain: str) -> bool:
    """Return True if a domain, which may have a port, is an address of the provider."""
    host = server(domain)
    return host is not None and host[0] in {trunk.hop.host, trunk.registrar.ip if trunk.registrar else None}


def referred_by(text: str | None, of: Dialog) -> str:
    """Return who refers us (RFC 3892 §2.1): as they say it, if that is a plain address, or else the end of the
    dialog.
    """
    found = _NAME_ADDR.search(text or "")
    return found[0] if found else f"<{of.remote.uri}>"
