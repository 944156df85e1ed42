"""The values of options in the configuration: what each may be, and as what it is read.

The validators raise ValueError, and the description of the option says what is expected; or a `mistake`, which has a
sentence of its own.
"""

import os
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from fargo import texts
from fargo.languages.catalog import LANGUAGES
from fargo.statemachine.address import is_local
from fargo.statemachine.dial_rules import sed
from fargo.statemachine.dial_rules.sed import BadRule
from fargo.statemachine.model.requests import DialRule
from fargo.statemachine.numbering_plans import country
from fargo.store.places import BadPlaceError, DatabaseAddress, database_address

_NUMBER: Final = re.compile(r"\+?[0-9]{1,15}")
_PREFIX: Final = re.compile(r"\+?[0-9*#]{0,15}")
_LABEL: Final = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?")
_DURATION: Final = re.compile(r"[1-9]\d{0,3}[dwy]")
_DAYS: Final = {"d": 1, "w": 7, "y": 365}
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4000
"""Bytes: PATH_MAX is 4096, and the gateway's files have names of their own below a directory."""
_FOREVER: Final = "forever"


def _domain(text: str) -> str:
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        raise ValueError
    return text.lower()


def _address(text: str) -> str:
    address = IPv4Address(text)
    if address.is_unspecified or address.is_multicast:
        raise ValueError
    return str(address)


def _any_address(text: str) -> str:
    """Return an address of IPv4 or IPv6. Raises ValueError, also for one that is valid on one link only."""
    address = ip_address(text)
    if address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
        raise ValueError
    return str(address)


def _addresses(value: object) -> tuple[str, ...]:
    """Return a list of different addresses, or one address as a list. Raises ValueError."""
    given = value if isinstance(value, list) else [value]
    addresses = tuple(_any_address(each) if isinstance(each, str) else "" for each in given)
    if not all(addresses) or len(set(addresses)) < max(len(addresses), 1):
        raise ValueError
    return addresses


def _network(text: object) -> IPv4Network | IPv6Network:
    """Return a network, or an address as the network of one. Raises ValueError, also if it names a host in a larger
    network, which may be a mistake.
    """
    return ip_network(text if isinstance(text, str) else "")


def _user(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if not is_local(local):
        raise ValueError
    return f"{local}@{_domain(domain)}"


def _host(text: str) -> str:
    """Return a domain or an address at which a SIP account can be. Raises ValueError."""
    try:
        return str(ip_address(text))
    except ValueError:
        return _domain(text)


class HostPort(NamedTuple):
    """An IPv4 address and a port on it."""

    host: str
    port: int


def _endpoint(text: object) -> HostPort:
    host, colon, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    if not (colon and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError
    return HostPort(_address(host), int(port))


def _loopback(text: object) -> HostPort:
    """Return an address of loopback, and a port. Raises ValueError."""
    found = _endpoint(text)
    if not IPv4Address(found.host).is_loopback:
        raise ValueError
    return found


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return text


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError
    return text


def _country(text: str) -> str:
    known = country(text)
    if known is None:
        raise ValueError
    return known


def _dial_rule(value: object) -> DialRule:
    """Return a dial rule. Raises a `mistake` that says what is wrong with it."""
    rule = sed.parsed(value if isinstance(value, str) else "")
    if isinstance(rule, BadRule):
        raise mistake(texts.BAD_DIAL_RULE.format(rule=value, problem=rule.problem))
    return rule


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise ValueError
    return text


def mistake(sentence: str) -> PydanticCustomError:
    """Return the error of a value about which there is more to say than what is expected."""
    return PydanticCustomError("fargo", "{sentence}", {"sentence": sentence})


def _path(path: Path, info: ValidationInfo) -> Path:
    """Return a path that a file can have, in the directory of the context if it is relative."""
    if not str(path).isprintable():
        raise mistake(texts.PATH_UNPRINTABLE.format(path=ascii(str(path))))
    try:
        whole = Path(info.context or "", path.expanduser())
    except RuntimeError:
        raise mistake(texts.NO_SUCH_HOME.format(path=path)) from None
    if len(os.fsencode(whole)) > _LONGEST_PATH or any(len(os.fsencode(part)) > _LONGEST_NAME for part in whole.parts):
        raise mistake(texts.PATH_TOO_LONG.format(limit=_LONGEST_PATH, name=_LONGEST_NAME))
    return whole


def _database(value: object) -> DatabaseAddress:
    """Return the address of a database. The text is not repeated in the error, as there may be a password in it."""
    try:
        return database_address(value if isinstance(value, str) else "")
    except BadPlaceError as error:
        raise mistake(str(error)) from None


def in_seconds(duration: str) -> float | None:
    """Return a duration such as "90d" in seconds, None for "forever". Raises ValueError."""
    text = _duration(duration)
    return None if text == _FOREVER else int(text[:-1]) * _DAYS[text[-1]] * 86400.0


def _duration(value: object) -> str:
    """Return a number of days, weeks or years, such as "90d". A number alone is one of days."""
    text = f"{value}d" if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not (text == _FOREVER or _DURATION.fullmatch(text)):
        raise ValueError
    return text


Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Number = Annotated[str, AfterValidator(_number)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Language = Annotated[str, AfterValidator(_language)]
Country = Annotated[str, AfterValidator(_country)]
Domain = Annotated[str, AfterValidator(_domain)]
UserJid = Annotated[str, AfterValidator(_user)]
Rule = Annotated[DialRule, PlainValidator(_dial_rule)]
AccountHost = Annotated[str, AfterValidator(_host)]
AnyAddress = Annotated[str, AfterValidator(_any_address)]
IpNetwork = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]
Database = Annotated[DatabaseAddress, PlainValidator(_database)]
RelativePath = Annotated[Path, AfterValidator(_path)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_addresses)]
AddressAndPort = Annotated[HostPort, BeforeValidator(_endpoint)]
LoopbackPort = Annotated[HostPort, BeforeValidator(_loopback)]
Duration = Annotated[str, BeforeValidator(_duration)]
