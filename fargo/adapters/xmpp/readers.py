"""The language that each user reads, as their stanzas say (RFC 6120 §8.1.5), and stanzas in it.

Rules:

1. The latest stanza that names a language counts. A user whose stanzas name none reads the operator's choice.
2. Only what is for people is translated: the texts of these elements, labels, and the names of ad-hoc commands. What
   somebody else has written to the user is not.
3. So many users are remembered; who has been silent for the longest is forgotten first.
"""

from collections import OrderedDict
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import NS_DISCO_ITEMS
from fargo.languages.catalog import ENGLISH, Catalog, catalogs, known
from fargo.statemachine.address import bare

_MOST_USERS: Final = 100_000
_LANGUAGE: Final = ("http://www.w3.org/XML/1998/namespace", "lang")
_COMMAND: Final = (NS_DISCO_ITEMS, "item")
_TEXTS: Final = frozenset(
    {"DESC", "FN", "body", "desc", "instructions", "note", "prompt", "status", "text", "title", "value"}
)
"""The elements with texts for people (RFC 6120 §8.3; RFC 6121 §4.7, §5.2; XEP-0004, 0050, 0054, 0077, 0100, 0166)."""


class Readers:
    """The users, by what they read. `default` is the language of those who say nothing."""

    def __init__(self) -> None:
        self.default = ENGLISH
        self._catalogs = catalogs()
        self._languages: OrderedDict[str, str] = OrderedDict()

    def heard(self, sender: str, stanza: Element) -> None:
        """Note what language a stanza is in."""
        language = known(stanza.getAttribute(_LANGUAGE) or "")
        if language is None:
            return
        user = bare(sender)
        self._languages[user] = language
        self._languages.move_to_end(user)
        if len(self._languages) > _MOST_USERS:
            self._languages.popitem(last=False)

    def translate(self, stanza: Element) -> None:
        """Put the texts of a stanza into the language of its recipient."""
        language = self._languages.get(bare(stanza.getAttribute("to", "")), self.default)
        if (catalog := self._catalogs.get(language)) is not None:
            stanza[_LANGUAGE] = language
            _translate(stanza, language, catalog)


def _translate(element: Element, language: str, catalog: Catalog) -> None:
    if label := element.getAttribute("label"):
        element["label"] = catalog.translated(label)
    if (element.uri, element.name) == _COMMAND and (name := element.getAttribute("name")):
        element["name"] = catalog.translated(name)
    if element.name in _TEXTS:
        element.children = [catalog.translated(each) if isinstance(each, str) else each for each in element.children]
        if element.getAttribute(_LANGUAGE):
            element[_LANGUAGE] = language
    for each in element.elements():
        _translate(each, language, catalog)
