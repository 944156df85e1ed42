"""The media relay: if it answers, and if others can command it."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from enum import Enum, auto
from secrets import token_hex
from typing import Final

import ifaddr

from fargo.checking import texts
from fargo.checking.finding import Finding, fine, warning
from fargo.config import Config
from fargo.config_values import HostPort
from fargo.program_versions import version_told

PONG_SECONDS = 1.0
_NOBODY: Final = 65534
"""The user and group without rights."""
_ASKS: Final = ("rtpengine", "--version")


class _Answer(Enum):
    PONG = auto()
    OTHER = auto()
    NONE = auto()


def silent(config: Config) -> Iterator[Finding]:
    """Find if a media relay is configured and does not answer now."""
    relay = config.media.relay
    if relay is None:
        return
    match _answer(relay):
        case _Answer.PONG:
            version = version_told(_ASKS) if _is_here(relay) else None
            text = texts.RELAY_ANSWERS if version is None else texts.RELAY_ANSWERS_VERSION
            yield fine(text.format(address=relay.host, port=relay.port, version=version))
        case _Answer.OTHER:
            yield warning("media.relay", texts.RELAY_STRANGE.format(address=relay.host, port=relay.port))
        case _Answer.NONE:
            yield warning("media.relay", texts.RELAY_SILENT.format(address=relay.host, port=relay.port))


def exposed(config: Config) -> Iterator[Finding]:
    """Find if any user of this machine can send commands to the media relay. Only root can find out."""
    relay = config.media.relay
    if relay and os.getuid() == 0 and answers_nobody(relay):
        yield warning("media.relay", texts.RELAY_EXPOSED.format(port=relay.port))


def answers_nobody(relay: HostPort) -> bool:
    """Return True if the media relay answers a user without any rights. Raises no error if this is not run by root."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(())
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            os._exit(0 if _answer(relay) is _Answer.PONG else 1)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _answer(relay: HostPort) -> _Answer:
    """Return what comes back after a ping (NG protocol)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(PONG_SECONDS)
        cookie = token_hex(4).encode()
        try:
            probe.connect(relay)
            probe.send(cookie + b" d7:command4:pinge")
            answer = probe.recv(4096)
        except OSError:
            return _Answer.NONE
    return _Answer.PONG if answer.startswith(cookie + b" ") and b"pong" in answer else _Answer.OTHER


def _is_here(relay: HostPort) -> bool:
    """Return whether the relay is on this machine."""
    address = ipaddress.ip_address(relay.host)
    return address.is_loopback or any(str(address) == ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips)
