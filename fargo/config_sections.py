"""The sections of the configuration and their options.

Rules:

1. A field's `description` says what a valid value is. It completes the sentence "expected …". `config_values` checks
   the value. docs/configuration.md describes each option at length.
2. A path in the file is relative to the directory of the file.
"""

from pathlib import Path
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from fargo import texts
from fargo.config_values import (
    AccountHost,
    AddressAndPort,
    Addresses,
    AnyAddress,
    Country,
    Database,
    Domain,
    Duration,
    HostPort,
    IpNetwork,
    Language,
    LoopbackPort,
    Number,
    Port,
    Prefix,
    RelativePath,
    Rule,
    UserJid,
    in_seconds,
    mistake,
)

INSIDE: Final = "127.0.70.1"
"""The address behind the SIP edge. It must never be reachable from outside, so it is not an option. Nothing else uses
it, so one rule of the firewall keeps it from other users of this machine, whatever the port (packaging/fargo.iptables).
"""

Early: TypeAlias = Literal["ringing", "announcements", "always"]

_NETWORKS: Final = 'a list of networks and addresses, such as ["10.0.0.0/8", "198.51.100.7"]'
_A_PORT: Final = "a port number from 1 to 65535"
_A_PROGRAM: Final = "the path of a program, such as "


class Section(BaseModel):
    """A section of the file. Its docstring says what it is about; it begins with the section's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class XmppConfig(Section):
    """[xmpp]: the XMPP server of which the gateway is a component (XEP-0114)."""

    domain: Domain = Field(description='the XMPP domain of the gateway, such as "sip.example.org"')
    server: AccountHost = Field("127.0.0.1", description='the XMPP server\'s name or address, such as "127.0.0.1"')
    port: Port = Field(5347, description=_A_PORT)
    secret: SecretStr | None = Field(None, min_length=1, description="the secret that the XMPP server knows, as text")
    secret_file: RelativePath | None = Field(
        None, validate_default=True, description="the path of a file with the secret that the XMPP server knows"
    )
    allowed_domains: tuple[Domain, ...] = Field(
        description='a list of the XMPP domains whose users may use the gateway, such as ["example.org"]'
    )

    allowed_users: tuple[UserJid, ...] = Field(
        (), description='a list of bare JIDs in lower case, such as ["alice@example.com"]'
    )
    denied_users: tuple[UserJid, ...] = Field(
        (), description='a list of bare JIDs in lower case, such as ["mallory@example.org"]'
    )
    admins: tuple[UserJid, ...] = Field(
        (), description='a list of bare JIDs in lower case, such as ["root@example.org"]'
    )
    registration: Literal["open", "closed"] = Field("open", description='"open" or "closed"')
    language: Language = Field("en", description='the code of a language that Fargo speaks: "en" or "de"')

    @property
    def shared_secret(self) -> str:
        """Return the component's secret. Raises OSError if its file has been removed since it was checked."""
        if self.secret_file:
            return self.secret_file.read_text().strip()
        return self.secret.get_secret_value() if self.secret else ""

    @field_validator("secret_file")
    @classmethod
    def _one_secret(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if "secret" not in info.data:
            return path
        if (path is None) == (info.data["secret"] is None):
            raise mistake(texts.NO_SECRET if path is None else texts.TWO_SECRETS)
        if path:
            _check_secret_file(path)
        return path

    @field_validator("allowed_domains")
    @classmethod
    def _domains_of_users(cls, domains: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not domains:
            raise ValueError
        if info.data.get("domain") in domains:
            raise mistake(texts.OWN_DOMAIN.format(domain=info.data["domain"]))
        return domains


class SipConfig(Section):
    """[sip]: the SIP engine, and what SIP providers and phones see of the gateway."""

    engine: Literal["telepathy", "sip"] = Field("sip", description='"sip" or "telepathy"')
    address: Addresses = Field(
        description="an address of this machine that SIP providers can reach, such as "
        '"192.0.2.10" or "2001:db8::10", or a list of them'
    )
    public_address: AnyAddress | None = Field(
        None, description='the address that a NAT gives this machine, such as "203.0.113.10"'
    )
    port: Port = Field(5060, description=_A_PORT)
    tls_port: Port = Field(5061, description=_A_PORT)
    tls_certificate: RelativePath | None = Field(
        None, description="the path of a file with a TLS certificate and its chain"
    )
    tls_key: RelativePath | None = Field(
        None, validate_default=True, description="the path of a file with the key of the TLS certificate"
    )
    tls_ca: RelativePath = Field(
        Path("/etc/ssl/certs"),
        description="the path of a directory or a file with the TLS authorities to trust",
    )
    inside_port: Port = Field(5070, description=_A_PORT)
    gateway_port: Port = Field(5071, description=_A_PORT)
    hep: AddressAndPort | None = Field(
        None, description='the IPv4 address and port of a HEP collector, such as "192.0.2.20:9060"'
    )
    ring_seconds: int = Field(180, strict=True, ge=5, le=540, description="a number of seconds from 5 to 540")
    stay_signed_in: bool = Field(False, strict=True, description="true or false")
    emergency_numbers: tuple[Number, ...] = Field(
        ("112", "999", "911", "110", "000"),
        description='a list of numbers without spaces, such as ["112", "911"]',
    )
    emergency: Literal["call", "refuse"] = Field("call", description='"call" or "refuse"')
    foreign: Literal["provider", "direct", "refuse"] = Field("provider", description='"provider", "direct" or "refuse"')
    country: Country | None = Field(None, description='the ISO 3166 code of a country, such as "GB"')
    dial_rules: tuple[Rule, ...] = Field((), description='a list of dial rules, such as ["s/^0/+44/"]')
    accept_from: tuple[IpNetwork, ...] = Field((), description=_NETWORKS)
    stranger_rate: int = Field(50, strict=True, ge=5, le=10_000, description="a number of requests from 5 to 10000")
    provider_rate: int = Field(
        500, strict=True, ge=50, le=100_000, description="a number of requests from 50 to 100000"
    )
    providers: tuple[AccountHost, ...] | None = Field(
        None, description='a list of the domains and proxies of SIP accounts, such as ["sip.example.net"]'
    )
    allowed_numbers: tuple[Prefix, ...] = Field(
        (), description='a list of beginnings of numbers without spaces, such as ["+44", "0"]'
    )
    refused_numbers: tuple[Prefix, ...] = Field(
        (), description='a list of beginnings of numbers without spaces, such as ["+1900", "0900"]'
    )

    @field_validator("providers")
    @classmethod
    def _some_provider(cls, providers: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if providers == ():
            raise ValueError
        return providers

    @field_validator("address")
    @classmethod
    def _usable(cls, addresses: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if INSIDE in addresses:
            raise mistake(texts.LOOPBACK_ADDRESS.format(address=INSIDE))
        if info.data.get("engine") == "telepathy" and (len(addresses) > 1 or ":" in addresses[0]):
            raise mistake(texts.ONE_IPV4_ADDRESS)
        return addresses

    @field_validator("public_address", "tls_port", "tls_certificate", "tls_ca", "gateway_port", "hep")
    @classmethod
    def _of_this_engine(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("engine") == "telepathy":
            raise mistake(texts.OTHER_ENGINE.format(engine="sip"))
        return value

    @field_validator("tls_key")
    @classmethod
    def _certificate_and_key(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if "tls_certificate" in info.data and (key is None) != (info.data["tls_certificate"] is None):
            raise mistake(texts.CERTIFICATE_AND_KEY)
        return key


class MediaConfig(Section):
    """[media]: the path that audio takes."""

    path: Literal["auto", "direct", "relay"] = Field("auto", description='"auto", "direct" or "relay"')
    relay: AddressAndPort | None = Field(
        None,
        validate_default=True,
        description='the IPv4 address and port of rtpengine\'s option listen-ng, such as "127.0.0.1:2223"',
    )
    early: Early | None = Field(None, description='"ringing", "announcements" or "always"')
    video: bool = Field(False, strict=True, description="true or false")
    end_to_end: Literal["known", "always", "never"] = Field("known", description='"known", "always" or "never"')
    private: bool = Field(True, strict=True, description="true or false")
    allow: tuple[IpNetwork, ...] = Field((), description=_NETWORKS)
    deny: tuple[IpNetwork, ...] = Field((), description=_NETWORKS)
    learn: tuple[IpNetwork, ...] = Field((), description=_NETWORKS)

    @field_validator("relay")
    @classmethod
    def _relay_if_required(cls, relay: HostPort | None, info: ValidationInfo) -> HostPort | None:
        if info.data.get("path") == "relay" and relay is None:
            raise mistake(texts.RELAY_MISSING.format(expected=description(cls, "relay")))
        return relay

    @field_validator("early")
    @classmethod
    def _through_the_relay(cls, early: Early | None, info: ValidationInfo) -> Early | None:
        unused = info.data.get("path") == "direct" or ("relay" in info.data and info.data["relay"] is None)
        if early not in (None, "ringing") and unused:
            raise mistake(texts.EARLY_WITHOUT_RELAY)
        return early


class StateConfig(Section):
    """[state]: where the gateway keeps its files."""

    directory: RelativePath = Field(
        Path("/var/lib/fargo"), description='the path of a directory, such as "/var/lib/fargo"'
    )


class LogConfig(Section):
    """[log]: where the log is, how long calls stay in it, its room, and what the gateway's output tells."""

    store: Database | None = Field(
        None,
        description="the address of a PostgreSQL database without a password, such as "
        '"postgresql://fargo@db.example.org/fargo"',
    )
    keep: Duration = Field("90d", description='how long calls stay in the log, such as "90d", "12w", "2y" or "forever"')

    reserve_mb: int = Field(64, strict=True, ge=1, le=1_000_000, description="a number of megabytes from 1 to 1000000")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description='"debug", "info", "warning" or "error"'
    )

    @property
    def keep_seconds(self) -> float | None:
        """Return the duration in seconds, None for "forever"."""
        return in_seconds(self.keep)


class LimitsConfig(Section):
    """[limits]: how much users may do. A domain, and all users together, may do so many times as much."""

    stanzas_a_second: int = Field(20, strict=True, ge=1, le=10_000, description="a number from 1 to 10000")
    calls: int = Field(8, strict=True, ge=1, le=1000, description="a number from 1 to 1000")
    calls_an_hour: int = Field(120, strict=True, ge=1, le=100_000, description="a number from 1 to 100000")
    subscriptions_an_hour: int = Field(1000, strict=True, ge=1, le=100_000, description="a number from 1 to 100000")
    texts_a_minute: int = Field(20, strict=True, ge=1, le=100_000, description="a number from 1 to 100000")
    failed_registrations_an_hour: int = Field(5, strict=True, ge=1, le=10_000, description="a number from 1 to 10000")
    failed_registrations_of_provider: int = Field(
        20, strict=True, ge=1, le=100_000, description="a number from 1 to 100000"
    )
    log_mb_a_day: int = Field(20, strict=True, ge=1, le=100_000, description="a number of megabytes from 1 to 100000")
    domain_times: int = Field(50, strict=True, ge=1, le=100_000, description="a number from 1 to 100000")
    total_times: int = Field(100, strict=True, ge=1, le=100_000, description="a number from 1 to 100000")


class MetricsConfig(Section):
    """[metrics]: what Prometheus and others can ask."""

    address: LoopbackPort | None = Field(
        None, description='an IPv4 address of loopback, and a port, such as "127.0.0.1:9464"'
    )

    @field_validator("address")
    @classmethod
    def _not_inside(cls, address: HostPort | None) -> HostPort | None:
        if address and address.host == INSIDE:
            raise mistake(texts.LOOPBACK_ADDRESS.format(address=INSIDE))
        return address


class ProgramsConfig(Section):
    """[programs]: the programs that the gateway starts."""

    rakia: RelativePath = Field(
        Path("/usr/lib/telepathy/telepathy-rakia"), description=f'{_A_PROGRAM}"/usr/lib/telepathy/telepathy-rakia"'
    )
    kamailio: RelativePath = Field(Path("/usr/sbin/kamailio"), description=f'{_A_PROGRAM}"/usr/sbin/kamailio"')
    dbus_daemon: RelativePath = Field(Path("/usr/bin/dbus-daemon"), description=f'{_A_PROGRAM}"/usr/bin/dbus-daemon"')


SECTIONS: Final[dict[str, type[Section]]] = {
    "xmpp": XmppConfig,
    "sip": SipConfig,
    "media": MediaConfig,
    "state": StateConfig,
    "log": LogConfig,
    "limits": LimitsConfig,
    "metrics": MetricsConfig,
    "programs": ProgramsConfig,
}
"""The sections of the file, by name, in the order in which they are documented."""


def description(section: type[BaseModel], name: str) -> str:
    """Return what a valid value of an option is."""
    return section.model_fields[name].description or ""


def _check_secret_file(path: Path) -> None:
    try:
        if not path.read_text().strip():
            raise mistake(texts.EMPTY_SECRET.format(path=path))
    except OSError as error:
        raise mistake(texts.UNREADABLE.format(path=path, why=error.strerror)) from None
    except UnicodeDecodeError:
        raise mistake(texts.NOT_UTF8.format(path=path)) from None
