"""The rules in packaging/fargo.iptables and packaging/fargo.ip6tables, for the user and the ports of a test."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from .other_users import ROOT

RELAY: Final = ("127.0.0.1", 2223)
SIP: Final = (5060, 5061)
"""The places that the files name."""
CONNECTIONS: Final = 20
"""The connections of SIP that an address has at most by these rules."""
_FILES: Final = {"iptables-restore": "fargo.iptables", "ip6tables-restore": "fargo.ip6tables"}


class At(NamedTuple):
    """The address and port of the media relay's commands, and the ports of SIP, and of SIP over TLS."""

    relay: tuple[str, int] = RELAY
    sip: tuple[int, int] = SIP


class Firewall(Protocol):
    """Loads the rules, until the end of the test."""

    def __call__(self, relay: tuple[str, int] = RELAY, sip: tuple[int, int] = SIP) -> None: ...


@contextmanager
def loaded(at: At) -> Iterator[None]:
    """Load the rules, and remove them in the end."""
    rules = {program: _rules(file, at) for program, file in _FILES.items()}
    _restore(rules)
    try:
        yield
    finally:
        _restore({program: _removal(text) for program, text in rules.items()})


def _rules(file: str, at: At) -> str:
    text = (ROOT / "packaging" / file).read_text()
    text = text.replace("--uid-owner fargo", f"--uid-owner {os.geteuid()}")
    text = text.replace("{} --dport {}".format(*RELAY), "{} --dport {}".format(*at.relay))
    return text.replace("--dports {},{}".format(*SIP), "--dports {},{}".format(*at.sip))


def _removal(rules: str) -> str:
    """Return what removes rules: the jumps to the chains, and then these."""
    lines = rules.splitlines()
    chains = [line.split()[0][1:] for line in lines if line.startswith(":")]
    jumps = [line for line in lines if line.startswith(("-A OUTPUT", "-A INPUT"))]
    return "\n".join(
        [
            "*filter",
            *(line.replace("-A", "-D", 1) for line in jumps),
            *(f"-F {chain}\n-X {chain}" for chain in chains),
            "COMMIT\n",
        ]
    )


def _restore(rules: Mapping[str, str]) -> None:
    for program, text in rules.items():
        subprocess.run((program, "--noflush"), input=text, text=True, check=True)
