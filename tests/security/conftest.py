"""A gateway under attack: it must live through it, and its log must fold to the same commands. And the rules of the
firewall that are meant to protect it.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias, cast

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.prosody import Prosody
from world.provider import Provider
from world.world import SIP_ACCOUNTS

from .attacked import Attacked
from .component_server import ComponentServer
from .other_users import ROOT, require_other_users

Firewall: TypeAlias = Callable[[tuple[str, int]], None]
"""Loads packaging/fargo.iptables for a relay that takes its commands at this address and port."""


@pytest.fixture
def limits() -> dict[str, int]:
    """The limits that the gateway has beside its default ones."""
    return {}


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    """Changes of the gateway's configuration."""
    return {}


@pytest.fixture
def engine() -> str:
    return "sip"


@pytest_asyncio.fixture
async def attacked(
    servers: None, limits: dict[str, int], settings: dict[str, dict[str, Any]], engine: str
) -> AsyncIterator[Attacked]:
    async with (
        ComponentServer() as server,
        Provider(SIP_ACCOUNTS) as provider,
        Gateway(cast(Prosody, server), settings=settings, engine=engine, limits=limits) as gateway,
    ):
        made = Attacked(gateway, server, provider)
        yield made
        await made.stop()


@pytest.fixture
def firewall(servers: None) -> Iterator[Firewall]:
    """The rules, for the user of the tests."""
    require_other_users()
    if not shutil.which("iptables-restore"):
        pytest.skip("iptables is not installed")
    rules = (ROOT / "packaging/fargo.iptables").read_text().replace("--uid-owner fargo", f"--uid-owner {os.geteuid()}")
    done = []

    def load(relay: tuple[str, int]) -> None:
        _load(rules.replace("127.0.0.1 --dport 2223", f"{relay[0]} --dport {relay[1]}"))
        done.append(relay)

    yield load
    if done:
        _load("*filter\n:FARGO - [0:0]\n-D OUTPUT -o lo -j FARGO\n-F FARGO\n-X FARGO\nCOMMIT\n")


def _load(rules: str) -> None:
    subprocess.run(("iptables-restore", "--noflush"), input=rules, text=True, check=True)
