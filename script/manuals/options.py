"""The manual page of the configuration, from its schema."""

from collections.abc import Iterator
from typing import Final

from manuals import roff

from fargo.config_sections import SECTIONS, Section
from fargo.setup.config_file import about, sentence, shown_default

ABOUT: Final = """
A file in TOML. "fargo init" writes one, and "fargo check" reports all mistakes in it. A path that does not begin with /
is relative to the directory of the file.

/usr/share/doc/fargo/configuration.md explains each option at length.
"""


def page() -> str:
    """Return the page fargo.toml(5)."""
    return roff.page(
        roff.title("fargo.toml", 5, "configuration of the gateway between XMPP and SIP"),
        roff.heading("Description"),
        roff.paragraphs(ABOUT),
        *(part for name, section in SECTIONS.items() for part in _section(name, section)),
        roff.heading("See also"),
        [roff.text("fargo(1), fargo-init(1), fargo-check(1)")],
    )


def _section(name: str, section: type[Section]) -> Iterator[list[str]]:
    yield roff.heading(f"[{name}]")
    yield roff.paragraphs(about(section))
    yield roff.terms((option, _meaning(section, option)) for option in section.model_fields)


def _meaning(section: type[Section], option: str) -> str:
    if section.model_fields[option].is_required():
        return f"{sentence(section, option)} Required."
    default = shown_default(section, option)
    return sentence(section, option) if default is None else f"{sentence(section, option)} Default: {default}."
