"""Jingle transports <-> media values: where packets go.

Raw UDP (XEP-0177), ICE-UDP (XEP-0176) with DTLS fingerprints (XEP-0320) and TCP candidates (XEP-0371); of any other
transport only its namespace is kept.

Dropped on reading: remote-candidate (XEP-0176 §5.11), all fingerprints but the first, and what other extensions put
into a transport.
"""

from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import (
    NS_DTLS,
    NS_ICE_UDP,
    NS_RAW_UDP,
    add,
    attribute,
    bounded,
    children,
    given,
    has,
    make,
    number,
    required,
)
from fargo.statemachine.media.description import Candidate, Fingerprint, IceUdp, RawUdp, Transport, UnknownTransport

_BYTE: Final = 255
_PORT: Final = 65535
_WORD: Final = 2**32 - 1


def read(transport: Element) -> Transport:
    """The value of a <transport/> of any namespace."""
    if transport.uri == NS_RAW_UDP:
        return RawUdp(tuple(_raw(each) for each in children(transport, NS_RAW_UDP, "candidate")))
    if transport.uri == NS_ICE_UDP:
        return IceUdp(
            ufrag=attribute(transport, "ufrag"),
            pwd=attribute(transport, "pwd"),
            candidates=tuple(_ice(each) for each in children(transport, NS_ICE_UDP, "candidate")),
            fingerprint=_fingerprint(transport),
            complete=has(transport, NS_ICE_UDP, "gathering-complete"),
        )
    return UnknownTransport(bounded(transport.uri or "", "The namespace of <transport/>"))


def _raw(candidate: Element) -> Candidate:
    """XEP-0177 §4.2."""
    return Candidate(
        component=number(candidate, "component", _BYTE),
        ip=required(candidate, "ip"),
        port=number(candidate, "port", _PORT),
        id=attribute(candidate, "id"),
        generation=number(candidate, "generation", _WORD, 0),
        type=attribute(candidate, "type"),
    )


def _ice(candidate: Element) -> Candidate:
    """XEP-0176 §5.3; of what it demands, only what nobody can do without: real clients leave out the rest."""
    return Candidate(
        component=number(candidate, "component", _BYTE),
        ip=required(candidate, "ip"),
        port=number(candidate, "port", _PORT),
        id=attribute(candidate, "id"),
        generation=number(candidate, "generation", _WORD, 0),
        foundation=attribute(candidate, "foundation"),
        network=number(candidate, "network", _WORD, 0),
        priority=number(candidate, "priority", _WORD, 0),
        protocol=attribute(candidate, "protocol") or "udp",
        type=attribute(candidate, "type"),
        tcptype=attribute(candidate, "tcptype"),
        rel_addr=attribute(candidate, "rel-addr"),
        rel_port=number(candidate, "rel-port", _PORT, 0),
    )


def _fingerprint(transport: Element) -> Fingerprint | None:
    found = children(transport, NS_DTLS, "fingerprint")
    if not found:
        return None
    value = bounded(str(found[0]).strip(), "The fingerprint")
    return Fingerprint(required(found[0], "hash"), attribute(found[0], "setup"), value)


def write(transport: Transport) -> Element | None:
    """The <transport/>; None for an UnknownTransport without a namespace: there was none."""
    match transport:
        case RawUdp(candidates):
            return add(make("transport", NS_RAW_UDP), *map(_raw_element, candidates))
        case IceUdp(ufrag, pwd, candidates, fingerprint, complete):
            made = make("transport", NS_ICE_UDP, **given(ufrag=ufrag, pwd=pwd))
            if fingerprint:
                made.addChild(_fingerprint_element(fingerprint))
            add(made, *map(_ice_element, candidates))
            return add(made, make("gathering-complete", NS_ICE_UDP)) if complete else made
        case UnknownTransport(namespace):
            return make("transport", namespace) if namespace else None


def _raw_element(candidate: Candidate) -> Element:
    c = candidate
    always = make("candidate", NS_RAW_UDP, component=c.component, generation=c.generation, ip=c.ip, port=c.port)
    always.attributes.update(given(id=c.id, type=c.type))
    return always


def _ice_element(candidate: Candidate) -> Element:
    c = candidate
    always: dict[str, str | int] = {
        "component": c.component, "generation": c.generation, "ip": c.ip, "port": c.port, "network": c.network,
        "priority": c.priority, "protocol": c.protocol,
    }  # fmt: skip
    sometimes = given(
        id=c.id, foundation=c.foundation, type=c.type, tcptype=c.tcptype, rel_addr=c.rel_addr, rel_port=c.rel_port
    )
    return make("candidate", NS_ICE_UDP, **always, **sometimes)


def _fingerprint_element(fingerprint: Fingerprint) -> Element:
    made = make("fingerprint", NS_DTLS, hash=fingerprint.hash, **given(setup=fingerprint.setup))
    made.addContent(fingerprint.value)
    return made
