"""Write a configuration with comments, which are from the schema (`fargo.config`) and the meanings of its options.

Rules:

1. Every option is in the file. One that is not given is commented out, with its default.
2. An option without a default is commented out with the example in its description.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Final, TypeAlias

from pydantic_core import PydanticUndefined

from fargo.config_sections import SECTIONS, Section
from fargo.setup import texts
from fargo.setup.meanings import MEANINGS

Given: TypeAlias = str | int | bool | Sequence[str]
Values: TypeAlias = Mapping[str, Mapping[str, Given]]
"""The values of options, by section and name."""

_WIDTH: Final = 100
_EXAMPLE: Final = "such as "


def configuration(values: Values) -> str:
    """Return a configuration with these values, as TOML."""
    parts = [_comment(texts.CONFIGURATION), *(_section(name, values.get(name, {})) for name in SECTIONS)]
    return "\n".join(parts)


def example() -> str:
    """Return a configuration in which the options that are required have the values of their examples."""
    required = {
        name: {
            option: json.loads(_example(section, option))
            for option, field in section.model_fields.items()
            if field.is_required()
        }
        for name, section in SECTIONS.items()
    }
    return configuration(required)


def shown_default(section: type[Section], option: str) -> str | None:
    """Return the default of an option as TOML, None if it has none."""
    default = section.model_fields[option].default
    return None if default is None or default is PydanticUndefined else _toml(default)


def sentence(section: type[Section], option: str) -> str:
    """Return what an option is and which values it takes, in one or two sentences."""
    [name] = [name for name, each in SECTIONS.items() if each is section]
    told = (MEANINGS[name].get(option), section.model_fields[option].description)
    return " ".join(f"{each[:1].upper()}{each[1:]}." for each in told if each)


def about(section: type[Section]) -> str:
    """Return what a section is about, as a sentence."""
    told = (section.__doc__ or "").partition(": ")[2]
    return f"{told[:1].upper()}{told[1:]}"


def _section(name: str, given: Mapping[str, Given]) -> str:
    section = SECTIONS[name]
    options = "\n".join(_option(section, option, given.get(option)) for option in section.model_fields)
    return f"{_comment(about(section))}[{name}]\n\n{options}"


def _option(section: type[Section], option: str, value: Given | None) -> str:
    comment = _comment(sentence(section, option))
    if value is not None:
        return f"{comment}{option} = {_toml(value)}\n"
    return f"{comment}#{option} = {shown_default(section, option) or _example(section, option)}\n"


def _example(section: type[Section], option: str) -> str:
    """Return the first example in the description of an option, as TOML."""
    _, found, told = (section.model_fields[option].description or "").partition(_EXAMPLE)
    return told[: json.JSONDecoder().raw_decode(told)[1]] if found else texts.A_VALUE


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in wrap(text, _WIDTH, break_on_hyphens=False, break_long_words=False))


def _toml(value: object) -> str:
    """Return a value as TOML, of which the strings, lists and numbers of JSON are a part."""
    match value:
        case Path():
            return json.dumps(str(value))
        case str() | bool() | int():
            return json.dumps(value, ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            raise TypeError(value)
