"""XML for the tests: parsing it as the stream does, the captures, and when two elements say the same."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.passing_on import from_text

CAPTURES = Path(__file__).parents[2] / "fixtures" / "captures"
NS_JINGLE = "urn:xmpp:jingle:1"
NS_RTP = "urn:xmpp:jingle:apps:rtp:1"

_HEADING = re.compile(r"<!-- [0-9.]+ (GW[<>]) - -->")
# What an element means without the attribute (XEP-0166 §7.3, XEP-0167 §4.1, XEP-0176 §5.3, XEP-0294 §3);
# channels="0" is Pidgin's.
_DEFAULTS = {
    "content": {"senders": {"both"}},
    "payload-type": {"channels": {"0", "1"}},
    "candidate": {"generation": {"0"}, "network": {"0"}},
    "rtp-hdrext": {"senders": {"both"}},
}
# What the adapter drops on purpose: the docstrings of contents.py and jingle.py.
_DROPPED = {
    ("urn:xmpp:jingle:apps:rtp:msid:0", "stream"),
    (NS_RTP, "crypto"),
}
_DROPPED_ATTRIBUTES = {"jingle": {"initiator", "responder"}}


class Captured(NamedTuple):
    """A stanza of a capture, and whether the gateway of that time sent it."""

    file: str
    by_gateway: bool
    stanza: Element


def parse(xml: str) -> Element:
    """The element, as the stream's parser makes it."""
    return from_text(xml)


@cache
def captures() -> tuple[Captured, ...]:
    """Every captured stanza."""
    return tuple(each for path in sorted(CAPTURES.glob("*.xml")) for each in _stanzas(path))


def _stanzas(path: Path) -> Iterator[Captured]:
    text = path.read_text().replace("<capture>", "").replace("</capture>", "")
    _, *parts = _HEADING.split(text)
    for heading, xml in zip(parts[::2], parts[1::2], strict=True):
        yield Captured(path.name, heading == "GW>", parse(xml.strip()))


def jingles(*actions: str) -> list[Captured]:
    """The captured IQs with <jingle/>, of some actions or of all."""
    found = [each for each in captures() if each.stanza.jingle is not None]
    return [each for each in found if not actions or each.stanza.jingle["action"] in actions]


def meaning(element: Element) -> object:
    """Return the meaning of an element: equal for elements that differ only in what XML, a default or a drop explains.

    Children of one name keep their order (it is a preference); children of different names have none. White space
    between elements says nothing.
    """
    defaults = _DEFAULTS.get(element.name, {})
    attributes = {
        name: value
        for name, value in element.attributes.items()
        if value not in defaults.get(name, ()) and name not in _DROPPED_ATTRIBUTES.get(element.name, ())
    }
    if (element.uri, element.name) == (NS_RTP, "parameter") and "value" not in attributes and "name" in attributes:
        attributes["value"] = attributes.pop("name")  # red's "111/111" is said in either way
    children = [each for each in element.elements() if (each.uri, each.name) not in _DROPPED]
    # Keys in the clear without "required" demand nothing, so nothing is left of the element.
    children = [each for each in children if each.name != "encryption" or each.attributes]
    children.sort(key=lambda each: (each.uri or "", each.name))
    text = "" if children else "".join(each for each in element.children if isinstance(each, str)).strip()
    return element.uri, element.name, attributes, text, tuple(meaning(each) for each in children)
