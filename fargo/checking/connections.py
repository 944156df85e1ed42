"""All checks that `fargo check` adds to those of `machine`: of what changes from day to day, and of other programs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from fargo.checking import certificate, clock, component, directory, edge, ports, programs, relay, texts
from fargo.checking.finding import Finding, Kind, fine
from fargo.config import Config
from fargo.running import gateway_of


def here(config: Config) -> Iterator[Finding]:
    """Find what is wrong on this machine now. No program is started, and nothing is connected to but the relay."""
    now = time.time()
    if running := _running(config):
        yield running
    else:
        yield from ports.busy(config)
    if directory.is_possible(config):
        yield from directory.full(config)
        yield from clock.findings(config, now)
    yield from certificate.dates(config, datetime.fromtimestamp(now, UTC))
    yield from relay.silent(config)


def elsewhere(config: Config) -> Iterator[Finding]:
    """Find what is wrong with the programs, and if the XMPP server does not take the gateway. A gateway that runs has
    the place that we would take there.
    """
    found = list(programs.versions(config))
    yield from found
    if not any(each.kind is Kind.PROBLEM for each in found) and not list(programs.missing(config)):
        yield from edge.findings(config)
    if _running(config) is None:
        yield from component.findings(config)


def _running(config: Config) -> Finding | None:
    """Return that a gateway runs with this state directory, None if none does."""
    path = config.state.directory
    try:
        pid = gateway_of(path) if directory.is_possible(config) else None
    except OSError:  # we may not look, which is told elsewhere
        return None
    return None if pid is None else fine(texts.RUNS.format(path=path, pid=pid, domain=config.xmpp.domain))
