"""Elements are written as Twisted writes them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.xml_text import xml

from .elements import captures, parse

NAMESPACES = (None, "jabber:component:accept", "urn:xmpp:jingle:1", "urn:other")
TEXT = st.text(st.sampled_from("ab <>&'\"é\u200f\n"), max_size=8)
NAMES = st.sampled_from(("iq", "query", "a-b"))


def elements(depth: int) -> st.SearchStrategy[Element]:
    content = st.lists(TEXT | elements(depth - 1), max_size=3) if depth else st.lists(TEXT, max_size=1)
    return st.builds(
        made, NAMES, st.sampled_from(NAMESPACES), st.dictionaries(st.sampled_from(("to", "id")), TEXT), content
    )


def made(name: str, namespace: str | None, attributes: dict[str, str], content: list[str | Element]) -> Element:
    element = Element((namespace, name), attribs=attributes)
    for each in content:
        element.addChild(each)
    return element


@given(elements(3))
def test_what_is_made_is_written_as_twisted_writes_it(element: Element) -> None:
    assert xml(element) == element.toXml()


def test_what_clients_have_sent_is_written_as_twisted_writes_it() -> None:
    for each in captures():
        assert xml(each.stanza) == each.stanza.toXml()


def test_prefixes_languages_and_ready_xml_are_written_as_twisted_writes_them() -> None:
    told = StanzaError("bad-request", text="no <b>", textLang="en").getElement()
    prefixed = parse("<iq xmlns:x='urn:x' x:y='z'><x:a xml:lang='de'>t</x:a></iq>")
    ready = Element((None, "iq"))
    ready.addRawXml("<b/>")
    for element in (told, prefixed, ready):
        assert xml(element) == element.toXml()
    assert "xml:lang='en'" in xml(told)
