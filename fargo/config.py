"""The configuration: a TOML file that is checked as a whole, so that all mistakes are reported at once.

Rules:

1. `config_sections` has the sections and their options. Those of a worker take the place of those of all
   (`config_workers`).
2. A message never contains a secret.
"""

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import (
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from fargo import texts
from fargo.config_sections import (
    SECTIONS,
    Early,
    LimitsConfig,
    LogConfig,
    MediaConfig,
    MetricsConfig,
    ProgramsConfig,
    Section,
    SipConfig,
    StateConfig,
    XmppConfig,
    description,
)
from fargo.config_values import mistake
from fargo.config_workers import WORKERS, BadWorkersError, names_of, sections_of

_SECTION_LINE: Final = re.compile(r"\s*\[\s*([\w.-]+)\s*\]")
_KEY_LINE: Final = re.compile(r"\s*([\w-]+)\s*=")


class ConfigError(Exception):
    """The configuration is not valid. `problems` has a line for each mistake: its place, and what is expected."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Config(Section):
    """A valid configuration: of a gateway, or of one of its workers."""

    xmpp: XmppConfig
    sip: SipConfig
    media: MediaConfig
    state: StateConfig
    log: LogConfig
    limits: LimitsConfig
    metrics: MetricsConfig
    programs: ProgramsConfig

    _workers: tuple[str, ...] = PrivateAttr(())
    _worker: str | None = PrivateAttr(None)

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of the workers that the gateway has, none if it is one process."""
        return self._workers

    @property
    def worker(self) -> str | None:
        """The name of the worker whose configuration this is, None if it is that of a gateway as a whole."""
        return self._worker

    @property
    def keys(self) -> Path:
        """The directory of the keys that all workers share."""
        return self.state.directory.parent if self._worker else self.state.directory

    def of(self, worker: str | None, workers: tuple[str, ...]) -> "Config":
        """Return this configuration as that of a worker, or of a gateway with these workers."""
        state = self.state.model_copy(update={"directory": self.state.directory / (worker or "")})
        made = self.model_copy(update={"state": state})
        made._worker, made._workers = worker, workers
        return made

    @property
    def early(self) -> Early:
        """Return which early audio is let through: announcements if nothing is said and the relay may be used."""
        if self.media.early is not None:
            return self.media.early
        usable = self.sip.engine == "sip" and self.media.relay is not None and self.media.path != "direct"
        return "announcements" if usable else "ringing"

    @property
    def video(self) -> bool:
        """Return True if calls may have video: only the engine "sip" knows it, and only through the relay."""
        relayed = self.media.relay is not None and self.media.path != "direct"
        return self.media.video and self.sip.engine == "sip" and relayed

    @field_validator("media")
    @classmethod
    def _engine_has_early_media(cls, media: MediaConfig, info: ValidationInfo) -> MediaConfig:
        sip = info.data.get("sip")
        if sip and sip.engine == "telepathy" and media.early is not None:
            raise mistake(texts.EARLY_OTHER_ENGINE)
        return media


def load(path: Path, worker: str | None = None) -> Config:
    """Read the file and check it, as it counts for a worker if one is given. Raises ConfigError with every mistake."""
    try:
        return parse(path, path.read_text("utf-8"), worker)
    except OSError as error:
        raise ConfigError(texts.UNREADABLE.format(path=path, why=error.strerror)) from None
    except UnicodeDecodeError:
        raise ConfigError(texts.NOT_UTF8.format(path=path)) from None


def parse(path: Path, text: str, worker: str | None = None) -> Config:
    """Check the text of a file that is at `path`, or will be. Raises ConfigError with every mistake in it."""
    try:
        given = {name: {} for name in SECTIONS} | tomllib.loads(text)
        workers = names_of(given.get(WORKERS, {}))
        config = Config.model_validate(sections_of(given, worker), context=str(path.parent.absolute()))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(texts.NOT_TOML.format(path=path, why=error)) from None
    except BadWorkersError as error:
        raise ConfigError(_at(path, _lines(text).get(error.place), error.place, str(error))) from None
    except ValidationError as error:
        lines = _lines(text)
        raise ConfigError(*(_problem(path, lines, each, worker) for each in error.errors(include_url=False))) from None
    if workers and (config.log.store is None or config.sip.engine != "sip"):
        raise ConfigError(_at(path, _lines(text).get(WORKERS), WORKERS, texts.WORKERS_NEED))
    return config.of(worker, workers)


def _lines(text: str) -> dict[str, int]:
    """Return the line of each section and key. Lines are only matched, so unusual TOML syntax is missed."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _SECTION_LINE.match(line):
            section = header[1]
            found.setdefault(section, number)
        elif key := _KEY_LINE.match(line):
            found.setdefault(f"{section}.{key[1]}" if section else key[1], number)
    return found


def _problem(path: Path, lines: dict[str, int], error: ErrorDetails, worker: str | None) -> str:
    section, *rest = map(str, error["loc"])
    key = ".".join([section, *rest[:1]])
    line = lines.get(f"{WORKERS}.{worker}.{key}") or lines.get(key) or lines.get(section)
    return _at(path, line, key, _sentence(section, rest, error))


def _at(path: Path, line: int | None, place: str, sentence: str) -> str:
    return f"{path}{f':{line}' if line else ''}: {place}: {sentence}"


def _sentence(section: str, rest: list[str], error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return _unknown(section, rest, error["input"])
    if error["type"] == "fargo":
        return error["msg"]
    if not rest:
        return texts.NOT_A_SECTION.format(section=section)
    expected = description(SECTIONS[section], rest[0])
    if error["type"] == "missing":
        return texts.MISSING.format(expected=expected)
    value = texts.SECRET_VALUE if rest[0] == "secret" else _shown(error["input"])
    return (texts.NOT_VALID_IN_LIST if rest[1:] else texts.NOT_VALID).format(value=value, expected=expected)


def _unknown(section: str, rest: list[str], value: object) -> str:
    name = rest[0] if rest else section
    homes = [f"[{home}]" for home, model in SECTIONS.items() if name in model.model_fields]
    if homes and (rest or not isinstance(value, dict)):
        return texts.WRONG_SECTION.format(sections=" or ".join(homes))
    if not rest:
        return texts.UNKNOWN_SECTION.format(hint=_hint(section, SECTIONS))
    return texts.UNKNOWN_OPTION.format(hint=_hint(name, SECTIONS[section].model_fields))


def _hint(name: str, valid: dict[str, Any]) -> str:
    if similar := get_close_matches(name, valid, 1):
        return texts.DID_YOU_MEAN.format(name=similar[0])
    return texts.VALID_NAMES.format(names=", ".join(valid))


def _shown(value: object) -> str:
    match value:
        case str():
            return f"“{value}”"
        case bool():
            return str(value).lower()
        case list() if not value:
            return texts.EMPTY_LIST
        case dict():
            return texts.SECTION_VALUE
        case _:
            return str(value)
