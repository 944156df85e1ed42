"""The stanzas of the load: those that it sends, as bytes with places to fill, and those that it receives, cut out of a
stream without parsing them.

Nothing that a server writes needs more: it escapes what could be taken for a tag, and nothing of the load carries a
stanza in a stanza. The order of attributes is the server's.
"""

import base64
import hashlib
import re
from typing import NamedTuple

JINGLE = b"urn:xmpp:jingle:1"
DISCO = b"http://jabber.org/protocol/disco#info"

_STANZA = re.compile(rb"<(iq|message|presence)\b([^>]*?)(?:/>|>(.*?)</\1>)", re.S)
_ATTRIBUTE = re.compile(rb"""([\w:]+)=(?:'([^']*)'|"([^"]*)")""")
_CONDITION = re.compile(rb"<([\w-]+)[^>]*urn:ietf:params:xml:ns:xmpp-stanzas")
_TEXT = re.compile(rb"<text[^>]*>([^<]*)</text>")
_STATUS = re.compile(rb"<status[^>]*>([^<]*)</status>")


class Stanza(NamedTuple):
    """A stanza: the name of its element, its attributes, and the text between its tags."""

    name: bytes
    attributes: dict[bytes, bytes]
    inside: bytes


def cut(stream: bytes) -> tuple[list[Stanza], bytes]:
    """Return the stanzas that are complete, and the rest of the stream."""
    stanzas, end = [], 0
    for found in _STANZA.finditer(stream):
        attributes = {name: one or two for name, one, two in _ATTRIBUTE.findall(found[2])}
        stanzas.append(Stanza(found[1], attributes, found[3] or b""))
        end = found.end()
    return stanzas, stream[end:]


def attribute(name: bytes, inside: bytes) -> bytes:
    """Return the first attribute of this name, empty if there is none."""
    found = re.search(rb"\b" + name + rb"""=['"]([^'"]*)""", inside)
    return found[1] if found else b""


def words(stanza: Stanza) -> str:
    """Return why a stanza is an error, or what a session-terminate says."""
    condition, text = _CONDITION.search(stanza.inside), _TEXT.search(stanza.inside)
    return ": ".join(each[1].decode() for each in (condition, text) if each)


def status(stanza: Stanza) -> str:
    """Return the status of a presence."""
    found = _STATUS.search(stanza.inside)
    return found[1].decode() if found else ""


# --- of every client

OPEN = b"<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' \
xmlns:stream='http://etherx.jabber.org/streams'>"
AUTHENTICATE = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>"
BIND = b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>%s</resource></bind></iq>"
ROSTER = b"<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"
UNAVAILABLE = b"<presence type='unavailable'/>"
SUBSCRIBED = b"<presence type='subscribed' to='%s'/>"
RESULT = b"<iq type='result' id='%s' to='%s'/>"
UNKNOWN = b"<iq type='error' id='%s' to='%s'><error type='cancel'><service-unavailable \
xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
_FEATURES = sorted(
    (
        DISCO,
        b"http://jabber.org/protocol/caps",
        JINGLE,
        b"urn:xmpp:jingle:apps:rtp:1",
        b"urn:xmpp:jingle:apps:rtp:audio",
        b"urn:xmpp:jingle:transports:raw-udp:1",
    )
)
FEATURES = (
    b"<iq type='result' id='%%s' to='%%s'><query xmlns='http://jabber.org/protocol/disco#info' node='%%s'>\
<identity category='client' type='pc' name='load'/>%s</query></iq>"
    % b"".join(b"<feature var='%s'/>" % each for each in _FEATURES)
)
_HASH = base64.b64encode(hashlib.sha1(b"client/pc//load<%s<" % b"<".join(_FEATURES)).digest())
"""The verification string (XEP-0115 §5.1)."""
AVAILABLE = (
    b"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:example:load' ver='%s'/>\
</presence>"
    % _HASH
)

# --- registration (XEP-0077)

REGISTER = b"<iq type='set' id='%s' to='%s'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>\
<field var='FORM_TYPE'><value>jabber:iq:register</value></field><field var='username'><value>%s</value></field>\
<field var='password'><value>%s</value></field><field var='x-proxy'><value>%s</value></field>\
<field var='x-port'><value>%d</value></field></x></query></iq>"
UNREGISTER = b"<iq type='set' id='%s' to='%s'><query xmlns='jabber:iq:register'><remove/></query></iq>"

# --- texts

CHAT = b"<message type='chat' id='%s' to='%s'><body>The quick brown fox jumps over the lazy dog, %s times.</body>\
<request xmlns='urn:xmpp:receipts'/></message>"

# --- calls

_ACTION = b"<iq type='set' id='%s' to='%s'><jingle xmlns='urn:xmpp:jingle:1' action='"
_DIRECT = b"<content creator='initiator' name='%s' senders='both'><description xmlns='urn:xmpp:jingle:apps:rtp:1' \
media='audio'><payload-type id='0' name='PCMU' clockrate='8000'/><payload-type id='8' name='PCMA' clockrate='8000'/>\
</description><transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate component='1' generation='0' id='r1' \
ip='127.0.0.1' port='40000'/><candidate component='2' generation='0' id='r2' ip='127.0.0.1' port='40001'/></transport>\
</content></jingle></iq>"
_ENCRYPTED = b"<content creator='initiator' name='%s' senders='both'><description xmlns='urn:xmpp:jingle:apps:rtp:1' \
media='audio'><payload-type id='111' name='opus' clockrate='48000' channels='2'><parameter name='minptime' value='10'/>\
<parameter name='useinbandfec' value='1'/></payload-type><payload-type id='0' name='PCMU' clockrate='8000'/>\
<payload-type id='8' name='PCMA' clockrate='8000'/><payload-type id='101' name='telephone-event' clockrate='8000'/>\
<rtcp-mux/></description><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='8hhy' \
pwd='asd88fgpdd777uzjYhagZg'>\
<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>02:1A:CC:54:27:AB:EB:9C:53:3F:3E:4B:65:\
2E:7D:46:3F:54:42:CD:54:F1:7A:03:A2:7D:F9:B0:7F:46:19:B2</fingerprint><candidate component='1' foundation='1' \
generation='0' id='h1' ip='127.0.0.1' network='0' port='40000' priority='2130706431' protocol='udp' type='host'/>\
</transport></content></jingle></iq>"
CALL = _ACTION + b"session-initiate' sid='%s' initiator='%s'>" + _DIRECT
CALL_ENCRYPTED = _ACTION + b"session-initiate' sid='%s' initiator='%s'>" + _ENCRYPTED
ACCEPT = (
    _ACTION
    + b"session-accept' sid='%s' responder='%s'>"
    + _DIRECT.replace(b"<payload-type id='8' name='PCMA' clockrate='8000'/>", b"")
)
RING = _ACTION + b"session-info' sid='%s'><ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/></jingle></iq>"
TERMINATE = _ACTION + b"session-terminate' sid='%s'><reason><success/></reason></jingle></iq>"
