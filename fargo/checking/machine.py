"""All that keeps the gateway from starting on this machine, even if it runs alone, or that makes it unsafe."""

from collections.abc import Iterator
from pathlib import Path

from fargo.checking import certificate, directory, files, ports, programs
from fargo.config import Config


def problems(path: Path, config: Config) -> Iterator[str]:
    """Yield a sentence for each problem, with the option that it is about. The configuration is from `path`."""
    for each in (
        files.exposed(path, config),
        programs.missing(config),
        directory.unusable(config),
        ports.not_ours(config),
        files.unreadable(config),
        certificate.unusable(config),
    ):
        yield from map(str, each)
