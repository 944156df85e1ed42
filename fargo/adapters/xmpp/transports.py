"""Jingle transports, both ways: the addresses of a content's media.

Raw UDP (XEP-0177), and ICE-UDP (XEP-0176) with a DTLS fingerprint (XEP-0320) and TCP candidates (XEP-0371). Of any
other transport only the namespace is kept.

Not read: <remote-candidate/> (XEP-0176 §5.7), every <fingerprint/> but the first, and other extensions.
"""

from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import (
    NS_DTLS,
    NS_ICE_UDP,
    NS_RAW_UDP,
    add,
    attribute,
    bounded,
    children,
    has_child,
    make,
    nonempty,
    number,
    number_or,
    required,
)
from fargo.statemachine.media.description import Candidate, Fingerprint, IceUdp, RawUdp, Transport, UnknownTransport

_BYTE: Final = 255
_PORT: Final = 65535
_WORD: Final = 2**32 - 1


def read(transport: Element) -> Transport:
    """Return the value of a <transport/>. Raise MalformedError if it is malformed."""
    if transport.uri == NS_RAW_UDP:
        return RawUdp(tuple(_raw(each) for each in children(transport, NS_RAW_UDP, "candidate")))
    if transport.uri == NS_ICE_UDP:
        return IceUdp(
            ufrag=attribute(transport, "ufrag"),
            pwd=attribute(transport, "pwd"),
            candidates=tuple(_ice(each) for each in children(transport, NS_ICE_UDP, "candidate")),
            fingerprint=_fingerprint(transport),
            complete=has_child(transport, NS_ICE_UDP, "gathering-complete"),
        )
    return UnknownTransport(bounded(transport.uri or "", texts.NAMESPACE.format(element="transport")))


def _raw(candidate: Element) -> Candidate:
    """Read a candidate of Raw UDP (XEP-0177 §4.2)."""
    return Candidate(
        component=number(candidate, "component", _BYTE),
        ip=required(candidate, "ip"),
        port=number(candidate, "port", _PORT),
        id=attribute(candidate, "id"),
        generation=number_or(candidate, "generation", _WORD, 0),
        type=attribute(candidate, "type"),
    )


def _ice(candidate: Element) -> Candidate:
    """Read a candidate of ICE-UDP (XEP-0176 §5.3). Only component, ip and port are required: clients omit the rest."""
    return Candidate(
        component=number(candidate, "component", _BYTE),
        ip=required(candidate, "ip"),
        port=number(candidate, "port", _PORT),
        id=attribute(candidate, "id"),
        generation=number_or(candidate, "generation", _WORD, 0),
        foundation=attribute(candidate, "foundation"),
        network=number_or(candidate, "network", _WORD, 0),
        priority=number_or(candidate, "priority", _WORD, 0),
        protocol=attribute(candidate, "protocol") or "udp",
        type=attribute(candidate, "type"),
        tcptype=attribute(candidate, "tcptype"),
        rel_addr=attribute(candidate, "rel-addr"),
        rel_port=number_or(candidate, "rel-port", _PORT, 0),
    )


def _fingerprint(transport: Element) -> Fingerprint | None:
    found = children(transport, NS_DTLS, "fingerprint")
    if not found:
        return None
    value = bounded(str(found[0]).strip(), texts.FINGERPRINT)
    return Fingerprint(required(found[0], "hash"), attribute(found[0], "setup"), value)


def write(transport: Transport) -> Element | None:
    """Return the <transport/> for a value. An UnknownTransport with namespace "" stands for none: return None."""
    match transport:
        case RawUdp(candidates):
            return add(make("transport", NS_RAW_UDP), *map(_raw_element, candidates))
        case IceUdp(ufrag, pwd, candidates, fingerprint, complete):
            made = make("transport", NS_ICE_UDP, **nonempty(ufrag=ufrag, pwd=pwd))
            if fingerprint:
                made.addChild(_fingerprint_element(fingerprint))
            add(made, *map(_ice_element, candidates))
            return add(made, make("gathering-complete", NS_ICE_UDP)) if complete else made
        case UnknownTransport(namespace):
            return make("transport", namespace) if namespace else None


def _raw_element(candidate: Candidate) -> Element:
    c = candidate
    made = make("candidate", NS_RAW_UDP, component=c.component, generation=c.generation, ip=c.ip, port=c.port)
    made.attributes.update(nonempty(id=c.id, type=c.type))
    return made


def _ice_element(candidate: Candidate) -> Element:
    c = candidate
    required_attributes: dict[str, str | int] = {
        "component": c.component, "generation": c.generation, "ip": c.ip, "port": c.port, "network": c.network,
        "priority": c.priority, "protocol": c.protocol,
    }  # fmt: skip
    optional_attributes = nonempty(
        id=c.id, foundation=c.foundation, type=c.type, tcptype=c.tcptype, rel_addr=c.rel_addr, rel_port=c.rel_port
    )
    return make("candidate", NS_ICE_UDP, **required_attributes, **optional_attributes)


def _fingerprint_element(fingerprint: Fingerprint) -> Element:
    made = make("fingerprint", NS_DTLS, hash=fingerprint.hash, **nonempty(setup=fingerprint.setup))
    made.addContent(fingerprint.value)
    return made
