"""All checks that `fargo check` adds to those of `machine`: of what changes from day to day, and of other programs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from fargo.checking import (
    certificate,
    clock,
    component,
    database,
    directory,
    edge,
    ports,
    programs,
    relay,
    running_gateway,
    texts,
)
from fargo.checking.finding import Finding, Kind, fine
from fargo.config import Config


def here(config: Config) -> Iterator[Finding]:
    """Find what is wrong on this machine now. No program is started, and nothing is connected to but the relay."""
    now = time.time()
    if running_gateway.process_of(config):
        yield from running_gateway.findings(config)
    elif waits := running_gateway.waiting(config):
        yield fine(texts.WAITS.format(path=config.state.directory, worker=waits.worker, pid=waits.process))
        yield from ports.busy_of_sip(config)
    else:
        yield from ports.busy(config)
    yield from directory.full(config)
    yield from clock.findings(config, now)
    yield from certificate.dates(config, datetime.fromtimestamp(now, UTC))
    yield from relay.silent(config)


def elsewhere(config: Config) -> Iterator[Finding]:
    """Find what is wrong with the programs, and if the XMPP server does not take the gateway. A gateway that runs has
    the place that we would take there, also one on another machine.
    """
    found = list(programs.versions(config))
    yield from found
    yield from database.findings(config)
    if not any(each.kind is Kind.PROBLEM for each in found) and not list(programs.missing(config)):
        yield from edge.findings(config)
    if running_gateway.process_of(config) is not None or running_gateway.waiting(config):
        return
    if holder := database.holder(config):
        yield fine(texts.SERVES.format(holder=holder, database=config.log.store))
    else:
        yield from component.findings(config)
