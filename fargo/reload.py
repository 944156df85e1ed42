"""Reading the configuration again (SIGHUP): which of its options a running gateway can take over.

Rules:

1. An option that is not in `_AT_ONCE` needs a restart: the programs and sockets of the gateway are made with it.
2. The relay decides whether the other options of [media] are valid. If it changes, all of [media] needs a restart.
3. Nobody is shown a value, as it may be a secret. Options are named as in the file.
"""

from pathlib import Path
from typing import Final, NamedTuple

from fargo.checking.machine import problems
from fargo.config import Config, ConfigError, load
from fargo.config_sections import LimitsConfig

_AT_ONCE: Final = frozenset(
    {
        "xmpp.admins",
        "xmpp.allowed_domains",
        "xmpp.allowed_users",
        "xmpp.language",
        "xmpp.denied_users",
        "xmpp.registration",
        "sip.providers",
        "sip.allowed_numbers",
        "sip.refused_numbers",
        "sip.ring_seconds",
        "sip.emergency_numbers",
        "sip.emergency",
        "sip.country",
        "sip.dial_rules",
        "media.path",
        "media.early",
        "media.video",
        "media.end_to_end",
        "media.private",
        "media.allow",
        "media.deny",
        "media.learn",
        "log.keep",
        "log.reserve_mb",
        "log.level",
        *(f"limits.{option}" for option in LimitsConfig.model_fields),
    }
)
_RELAY: Final = "media.relay"


class Reload(NamedTuple):
    """`config` is the configuration that is in use from now on. `changed` names the options that differ from those in
    use before, `waiting` those that differ from `config`, because they need a restart.
    """

    config: Config
    changed: tuple[str, ...]
    waiting: tuple[str, ...]


def read_again(path: Path, worker: str | None) -> tuple[Config | None, list[str]]:
    """Return the configuration in a file, or the mistakes because of which it cannot be used."""
    try:
        given = load(path, worker)
    except ConfigError as error:
        return None, list(error.problems)
    mistakes = [f"{path}: {each}" for each in problems(path, given)]
    return (None, mistakes) if mistakes else (given, [])


def reload(used: Config, given: Config) -> Reload:
    """Return what becomes of the configuration in use if this one is given."""
    differing = [name for name, value in _options(given).items() if value != _options(used)[name]]
    relay = _RELAY in differing
    changed = [name for name in differing if name in _AT_ONCE and not (relay and name.startswith("media."))]
    sections = {name: getattr(used, name) for name in Config.model_fields}
    for each in changed:
        section, _, option = each.partition(".")
        new = getattr(getattr(given, section), option)
        sections[section] = sections[section].model_copy(update={option: new})
    waiting = [name for name in differing if name not in changed]
    return Reload(used.model_copy(update=sections), tuple(changed), tuple(waiting))


def _options(config: Config) -> dict[str, object]:
    """Return the value of each option by its name, such as "sip.port"."""
    return {f"{name}.{option}": value for name, section in config for option, value in section}
