"""Any media value that Jingle can say, and XML that means nothing."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from twisted.words.xish.domish import Element

from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Extension,
    Feedback,
    Fingerprint,
    IceUdp,
    Parameter,
    RawUdp,
    Source,
    UnknownApplication,
    UnknownTransport,
)

# XML has no control characters, and makes any white space in an attribute a space (XML 1.0 §3.3.3).
_characters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
maybe = st.text(_characters, max_size=12)
texts = st.text(_characters, min_size=1, max_size=12)
_stripped = maybe.map(str.strip)
_byte, _port, _word = (st.integers(0, most) for most in (255, 65535, 2**32 - 1))
_senders = st.sampled_from(["both", "initiator", "responder", "none"])


def _few(each: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(each, max_size=3).map(tuple)


parameters = _few(st.builds(Parameter, maybe, maybe))
# An interval comes last: in Jingle it is an element of another name, and only equal names have an order.
feedback = st.tuples(
    _few(st.builds(Feedback, texts.filter("trr-int".__ne__), maybe)),
    _few(st.builds(Feedback, st.just("trr-int"), st.just(""), _word)),
).map(lambda both: (*both[0], *both[1]))
# A codec's parameter always has a value; what has no name is one.
_said = _few(st.builds(Parameter, maybe, texts))
codecs = st.builds(Codec, _byte, maybe, _word, st.integers(1, 255), _word, _word, _said, feedback)
extensions = st.builds(Extension, _word, texts, _senders)
sources = st.builds(Source, texts, parameters)
fingerprints = st.builds(Fingerprint, texts, maybe, _stripped)
raw_candidates = st.builds(Candidate, _byte, texts, _port, id=maybe, generation=_word, type=maybe)
ice_candidates = st.builds(
    Candidate, _byte, texts, _port, maybe, _word, maybe, _word, _word, texts, maybe, maybe, maybe, _port
)
transports = st.one_of(
    st.builds(RawUdp, _few(raw_candidates)),
    st.builds(IceUdp, maybe, maybe, _few(ice_candidates), st.none() | fingerprints, st.booleans()),
    st.builds(UnknownTransport, st.sampled_from(["urn:xmpp:jingle:transports:s5b:1", "urn:pigeon"])),
)
descriptions = st.builds(
    Description,
    media=texts,
    codecs=_few(codecs),
    transport=transports | st.just(UnknownTransport("")),
    mux=st.booleans(),
    reduced_size=st.booleans(),
    extensions=_few(extensions),
    feedback=feedback,
    ssrc=maybe,
    sources=_few(sources),
    encryption_required=st.booleans(),
)
_kinds = {"name": texts, "creator": st.sampled_from(["initiator", "responder"]), "senders": _senders}
contents = st.one_of(
    st.builds(Content, **_kinds, description=descriptions),
    st.builds(Content, **_kinds, transport=st.none() | transports),
    st.builds(Content, **_kinds, unknown=st.just(UnknownApplication("urn:files")), transport=st.none() | transports),
)

_names = st.sampled_from(
    [
        "jingle", "content", "description", "transport", "payload-type", "parameter", "candidate", "fingerprint",
        "encryption", "crypto", "reason", "text", "query", "x", "field", "value", "option", "remove", "username",
        "password", "prompt", "feature", "identity", "c", "body", "error", "gathering-complete", "source", "propose",
        "reject", "delay",
    ]
)  # fmt: skip
_uris = st.sampled_from(
    [
        "urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:transports:raw-udp:1", "jabber:x:data",
        "urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:apps:dtls:0", "urn:xmpp:jingle:apps:rtp:rtcp-fb:0",
        "jabber:iq:register", "jabber:iq:gateway", "http://jabber.org/protocol/disco#info", "urn:other",
        "urn:xmpp:jingle-message:0", "urn:xmpp:delay",
    ]
)  # fmt: skip
_keys = st.sampled_from(
    [
        "action", "sid", "name", "id", "creator", "senders", "media", "ip", "port", "component", "clockrate",
        "channels", "type", "var", "hash", "required", "node", "ver",
    ]
)  # fmt: skip
_values = maybe | st.sampled_from(
    ["session-initiate", "session-info", "session-terminate", "transport-info", "submit", "form", "1", "-1", "9" * 30]
)


@st.composite
def _elements(draw: Callable[[st.SearchStrategy[Any]], Any], inside: st.SearchStrategy[Any]) -> Element:
    element = Element((draw(_uris), draw(_names)), attribs=dict(draw(st.dictionaries(_keys, _values, max_size=4))))
    element.children = draw(st.lists(inside, max_size=4))
    return element


junk = _elements(st.recursive(maybe, _elements, max_leaves=12))


def damage(draw: Callable[[st.SearchStrategy[Any]], Any], element: Element) -> None:
    """Change some attributes and children, anywhere in the element."""
    everything = [element]
    for each in everything:
        everything.extend(each.elements())
    for victim in draw(st.lists(st.sampled_from(everything), min_size=1, max_size=4)):
        match draw(st.integers(0, 3)):
            case 0 if victim.attributes:
                del victim.attributes[draw(st.sampled_from(sorted(victim.attributes, key=str)))]
            case 1:
                victim[draw(_keys)] = draw(_values)
            case 2:
                victim.children = victim.children * 2
            case _:
                victim.children.append(draw(junk))
