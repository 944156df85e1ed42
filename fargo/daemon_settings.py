"""The settings of each part of the gateway, from the configuration."""

from ipaddress import ip_address

from fargo.adapters.xmpp.settings import XmppSettings
from fargo.config import Config
from fargo.limits.numbers import Numbers
from fargo.limits.settings import Allowances, GateSettings, limits
from fargo.private_file import lasting_secret
from fargo.statemachine.legs.sip.sip_leg import engine_capabilities
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.media.reach import Networks
from fargo.store.copies import KEY
from fargo.store.sealing import Seal


def edge_secret(config: Config) -> str:
    """Return the secret that the gateway shares with its edge. That of a worker follows from the key that all workers
    have, so that another process can go on with its calls. Raises StoreError if the key cannot be used.
    """
    return Seal(config.keys).secret("edge") if config.worker else lasting_secret(config.state.directory / KEY)


def policy(config: Config) -> Policy:
    """Return what the core needs."""
    sip = config.sip
    relay = config.media.relay is not None
    emergency = (sip.emergency_numbers, sip.emergency)
    return Policy(
        *(config.media.path, relay, sip.engine, sip.ring_seconds, *emergency, config.early),
        foreign=sip.foreign,
        most_calls=config.limits.calls,
        country=sip.country,
        dial_rules=sip.dial_rules,
        stay_signed_in=sip.stay_signed_in,
        video=config.video,
        edge=_edge(config),
        end_to_end=config.media.end_to_end,
    )


def _edge(config: Config) -> str:
    """Return what tells our user agent's edge from others, for those whose calls go over it; "" with another engine.
    That of workers has another secret than that of a gateway that is one process.
    """
    sip = config.sip
    if sip.engine != "sip":
        return ""
    public = () if sip.public_address is None else (sip.public_address,)
    secret = ("workers",) if config.worker else ()
    return " ".join((*sip.address, *public, f"{sip.port}", f"{sip.tls_port}", *secret))


def reserve(config: Config) -> int:
    """Return how many bytes of the disk are kept for calls in progress."""
    return config.log.reserve_mb * 1_000_000


def networks(config: Config) -> Networks:
    """Return where audio may go."""
    media = config.media
    control = (ip_address(media.relay.host), media.relay.port) if media.relay else None
    return Networks(media.private, media.allow, media.deny, media.learn, control=control)


def elsewhere(config: Config) -> tuple[str, ...]:
    """Return our addresses that no socket of ours has."""
    public = config.sip.public_address
    return () if public is None else (public,)


def gate(config: Config) -> GateSettings:
    """Return what users may do, and how much of it."""
    given, users = config.limits, config.xmpp
    allowances = Allowances(
        stanzas_a_second=given.stanzas_a_second,
        calls_an_hour=given.calls_an_hour,
        subscriptions_an_hour=given.subscriptions_an_hour,
        texts_a_minute=given.texts_a_minute,
        failures=given.failed_registrations_an_hour,
        provider_failures=given.failed_registrations_of_provider,
        log_bytes=given.log_mb_a_day * 1_000_000,
        domain_times=given.domain_times,
        total_times=given.total_times,
    )
    return GateSettings(
        limits(allowances),
        users.registration == "open",
        frozenset(users.allowed_users),
        config.sip.providers,
        config.sip.emergency_numbers,
        Numbers(config.sip.allowed_numbers, config.sip.refused_numbers),
    )


def xmpp(config: Config) -> XmppSettings:
    """Return what the adapter of the XMPP server needs."""
    server, media = config.xmpp, config.media
    able = engine_capabilities(config.sip.engine)
    return XmppSettings(
        server.domain,
        server.server,
        server.port,
        server.shared_secret,
        frozenset(server.allowed_domains),
        frozenset(server.allowed_users),
        frozenset(server.denied_users),
        admins=frozenset(server.admins),
        language=server.language,
        relayed=media.relay is not None and media.path != "direct",
        secured=media.end_to_end == "always" and MediaProfile.DTLS in able.profiles,
        video=config.video,
        texts=able.texts,
        transfers=able.joins,
    )
