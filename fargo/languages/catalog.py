"""A catalogue of sentences (gettext's .po files), and looking up a sentence whose values have been filled in.

Rules:

1. What has several lines is looked up line by line.
2. A template with names in braces matches what `str.format` makes of it. The template with the most letters counts, so
   that a general one does not hide a special one.
3. Of the values, only those that are sentences are looked up, too: their names are in `_SENTENCES`. Names and numbers
   never are.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Final

import polib

_FILES: Final = Path(__file__).parent
ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, *sorted(path.stem for path in _FILES.glob("*.po")))
"""The codes of all languages (ISO 639-1)."""
_SENTENCES: Final = frozenset(
    {
        "ago",
        "awaited",
        "caller",
        "details",
        "duration",
        "outcome",
        "peer",
        "problem",
        "said",
        "state",
        "status",
        "time",
        "told",
        "what",
        "why",
    }
)


class Catalog:
    """The sentences of one language, by the English ones."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        self._exact = {each: said for each, said in sentences.items() if not _names(each)}
        templates = sorted((each for each in sentences if _names(each)), key=_letters, reverse=True)
        self._templates = [(re.compile(_pattern(each), re.DOTALL), sentences[each]) for each in templates]
        self.translated = lru_cache(1024)(self._translated)

    def _translated(self, text: str) -> str:
        """Return a text in this language; whatever is not known of it stays as it is."""
        return "\n".join(map(self._line, text.split("\n")))

    def _line(self, text: str) -> str:
        if (said := self._exact.get(text)) is not None:
            return said
        for pattern, said in self._templates:
            if found := pattern.fullmatch(text):
                values = found.groupdict()
                known = {name: self._translated(value) for name, value in values.items() if name in _SENTENCES}
                return said.format(**values | known)
        return text


def _names(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def _letters(template: str) -> int:
    return sum(len(text) for text, *_ in Formatter().parse(template))


def _pattern(template: str) -> str:
    """Return the expression of what a template becomes; a name that comes twice has the same value twice."""
    seen: set[str] = set()
    parts = []
    for text, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(text))
        if name:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.*?)")
            seen.add(name)
    return "".join(parts)


def read(path: Path) -> Catalog:
    """Return the catalogue in a .po file."""
    return Catalog({each.msgid: each.msgstr for each in polib.pofile(str(path)) if each.msgstr})


def catalogs() -> Mapping[str, Catalog]:
    """Return all catalogues, by the code of the language (ISO 639-1)."""
    return {code: read(_FILES / f"{code}.po") for code in LANGUAGES if code != ENGLISH}


def known(tag: str) -> str | None:
    """Return which of the languages a tag means (RFC 5646), such as "de-AT"; None if it is none of them."""
    code = tag.partition("-")[0].lower()
    return code if code in LANGUAGES else None
