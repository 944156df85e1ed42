"""Elements as XML. Twisted's own serialiser does more than stanzas need, and takes three times as long.

What it alone can do - prefixes other than “xml”, XML that is ready - is left to it.
"""

import re
from collections.abc import Callable
from typing import Final

from twisted.words.xish.domish import Element, SerializedXML, escapeToXml

_XML: Final = "http://www.w3.org/XML/1998/namespace"
WHITE_SPACE: Final = str.maketrans({"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
"""White space as references: in an attribute a parser would take it for spaces (XML 1.0 §3.3.3)."""
_SPECIAL: Final = re.compile("[&<>'\"]")

_Write = Callable[[str], None]


class _UnusualError(Exception):
    """An element that is left to Twisted's serialiser."""


def xml(element: Element) -> str:
    """Return an element as XML. Its text is whatever it is: characters that XML does not allow are kept."""
    written: list[str] = []
    try:
        _write(element, "", written.append)
    except _UnusualError:
        return str(element.toXml())
    return "".join(written)


def _write(element: Element, around: str, write: _Write) -> None:
    """Write an element that stands where `around` is the namespace of names without a prefix."""
    namespace = around if element.defaultUri is None else element.defaultUri
    if element.localPrefixes or element.uri not in (None, namespace) or namespace == _XML:
        raise _UnusualError
    name = element.name
    write(f"<{name}" if namespace == around else f"<{name} xmlns='{namespace}'")
    if attributes := element.attributes:
        special = _SPECIAL.search("".join(attributes.values()))
        for key, value in attributes.items():
            written = escapeToXml(value, 1) if special else value
            write(f" {key if isinstance(key, str) else _qualified(key)}='{written}'")
    if not element.children:
        write("/>")
        return
    write(">")
    for child in element.children:
        if isinstance(child, Element):
            _write(child, namespace, write)
        elif isinstance(child, SerializedXML):
            raise _UnusualError
        else:
            write(escapeToXml(child) if _SPECIAL.search(child) else child)
    write(f"</{name}>")


def _qualified(key: tuple[str, str]) -> str:
    namespace, name = key
    if namespace != _XML:
        raise _UnusualError
    return f"xml:{name}"
