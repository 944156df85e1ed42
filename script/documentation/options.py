"""The page of all options, made of the schema of the configuration (`fargo.config`), as the manual page is."""

from collections.abc import Iterator

from fargo.config_sections import SECTIONS
from fargo.setup.config_file import about, sentence, shown_default

BEGINNING = """# Configuration reference

<!-- Written by script/generate-docs. -->

Every option, with its default and what it is. [Configuration](configuration.md) explains them, with examples.
"""


def options_page() -> str:
    """Return the page."""
    return "\n".join((BEGINNING, *_sections()))


def _sections() -> Iterator[str]:
    for name, section in SECTIONS.items():
        yield f"## \\[{name}\\]\n\n{about(section)}\n\n| option | default | meaning |\n|---|---|---|"
        for option, field in section.model_fields.items():
            default = "(required)" if field.is_required() else _code(shown_default(section, option) or "")
            yield f"| `{option}` | {default} | {sentence(section, option).replace('|', chr(92) + '|')} |"
        yield ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
