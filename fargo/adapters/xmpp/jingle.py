"""Jingle actions (XEP-0166 §7.2): IQ-set -> event, command -> IQ-set.

Who initiated a session and who responds to it are read from the stanza's addresses; the attributes of those names are
only written (XEP-0166 §7.1). Dropped: a session-info's attributes (whose stream was muted).
"""

from typing import Final, TypeAlias, get_args

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import contents, reasons
from fargo.adapters.xmpp.stanza import (
    NS_JINGLE,
    NS_RTP_INFO,
    MalformedError,
    add,
    bounded,
    envelope,
    make,
    required,
)
from fargo.statemachine.media.description import Content
from fargo.statemachine.model.commands import (
    AcceptSession,
    InformSession,
    InformTransport,
    InitiateSession,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    ContentChanged,
    Iq,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)

JingleEvent: TypeAlias = SessionInitiated | SessionAccepted | SessionInformed | SessionTerminated | ContentChanged
JingleCommand: TypeAlias = InitiateSession | AcceptSession | InformSession | InformTransport | TerminateSession

_CONTENT_EVENTS: Final = {kind.action: kind for kind in get_args(ContentChanged)}


def event(iq: Iq, jingle: Element) -> JingleEvent:
    """What a <jingle/> asks for."""
    action, sid = required(jingle, "action"), required(jingle, "sid")
    match action:
        case "session-initiate":
            return SessionInitiated(iq, sid, _media(jingle, action))
        case "session-accept":
            return SessionAccepted(iq, sid, _media(jingle, action))
        case "session-info":
            return SessionInformed(iq, sid, *_info(jingle))
        case "session-terminate":
            return SessionTerminated(iq, sid, *_reason(jingle))
        case _ if action in _CONTENT_EVENTS:
            changed: ContentChanged = _CONTENT_EVENTS[action](iq, sid, contents.read(jingle))
            return changed
        case _:
            raise MalformedError(f"“{action}” is not a Jingle action.")


def _media(jingle: Element, action: str) -> tuple[Content, ...]:
    found = contents.read(jingle)
    if not found:
        raise MalformedError(f"The {action} has no content.")
    return found


def _info(jingle: Element) -> tuple[str, str]:
    payload = jingle.firstChildElement()
    if payload is None:
        return "", ""
    return bounded(payload.name, "The name of the information"), bounded(payload.uri or "", "Its namespace")


def _reason(jingle: Element) -> tuple[str, str]:
    """Who ends a session and does not say why has no complaint."""
    condition, text = reasons.read(jingle)
    return condition or "success", text


def stanza(command: JingleCommand, name: str) -> Element:
    """The IQ-set for a command; `name` is the command's id."""
    match command:
        case InitiateSession(sender, to, sid, content):
            jingle = make("jingle", NS_JINGLE, action="session-initiate", sid=sid, initiator=sender)
            jingle.addChild(contents.write(content))
        case AcceptSession(sender, to, sid, content):
            jingle = make("jingle", NS_JINGLE, action="session-accept", sid=sid, responder=sender)
            jingle.addChild(contents.write(content))
        case InformSession(sender, to, sid, info):
            jingle = make("jingle", NS_JINGLE, action="session-info", sid=sid)
            add(jingle, *([make(info, NS_RTP_INFO)] if info else []))
        case InformTransport(sender, to, sid, content):
            jingle = make("jingle", NS_JINGLE, action="transport-info", sid=sid)
            jingle.addChild(contents.write(content))
        case TerminateSession(sender, to, sid, condition, text):
            jingle = make("jingle", NS_JINGLE, action="session-terminate", sid=sid)
            jingle.addChild(reasons.write(condition, text))
    return envelope("iq", sender, to, jingle, type="set", id=name)
