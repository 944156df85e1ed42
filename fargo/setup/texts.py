"""The sentences in a new configuration."""

from typing import Final

CONFIGURATION: Final = (
    "The configuration of Fargo. An option with # before it has its default, or an example if it has none. "
    "fargo.toml(5) lists all options, and docs/configuration.md explains them; “fargo check” reports all mistakes."
)
A_VALUE: Final = "…"
