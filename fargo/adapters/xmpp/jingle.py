"""Jingle actions (XEP-0166 §7.2), both ways: IQ-set to event, command to IQ-set.

The initiator and the responder are taken from the addresses of the stanza. The attributes of those names are written
but not read (XEP-0166 §7.1). The attributes of a session-info's payload, such as the name of the muted content, are
dropped, other than of a transfer (XEP-0251).
"""

from typing import Final, TypeAlias, get_args

from msgspec.structs import replace
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import conferences, contents, reasons, texts
from fargo.adapters.xmpp.stanza import (
    NS_JINGLE,
    NS_RTP_INFO,
    NS_TRANSFER,
    MalformedError,
    add,
    attribute,
    bounded,
    child,
    make,
    make_stanza,
    required,
)
from fargo.statemachine.media.description import Content
from fargo.statemachine.model.commands import (
    AcceptSession,
    ChangeContent,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    RejectContents,
    TerminateSession,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    ContentChanged,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)

JingleActionEvent: TypeAlias = SessionInitiated | SessionAccepted | SessionInformed | SessionTerminated | ContentChanged
JingleCommand: TypeAlias = (
    InitiateSession
    | AcceptSession
    | InformSession
    | InformTransport
    | InformDescription
    | ChangeContent
    | RejectContents
    | TerminateSession
)

_CONTENT_EVENTS: Final = {kind.action: kind for kind in get_args(ContentChanged)}


def event(iq: Iq, jingle: Element) -> JingleActionEvent:
    """Return the event for a <jingle/>. Raise MalformedError if it is malformed or its action unknown, and
    StanzaError if it cannot begin a call.
    """
    action, sid = required(jingle, "action"), required(jingle, "sid")
    match action:
        case "session-initiate":
            conferences.refuse(jingle)
            return SessionInitiated(iq, sid, _media(jingle, action), contents.bundles(jingle))
        case "session-accept":
            return SessionAccepted(iq, sid, _media(jingle, action))
        case "session-info":
            return _informed(iq, sid, jingle)
        case "session-terminate":
            return SessionTerminated(iq, sid, *_reason(jingle))
        case _ if action in _CONTENT_EVENTS:
            changed: ContentChanged = _CONTENT_EVENTS[action](iq, sid, contents.read(jingle))
            return changed
        case _:
            raise MalformedError(texts.UNKNOWN_ACTION.format(action=action))


def _media(jingle: Element, action: str) -> tuple[Content, ...]:
    found = contents.read(jingle)
    if not found:
        raise MalformedError(texts.NO_CONTENT.format(action=action))
    return found


def _informed(iq: Iq, sid: str, jingle: Element) -> SessionInformed:
    """Return the event for a session-info. What a transfer (XEP-0251) names is read too, and no other payload."""
    event, transfer = SessionInformed(iq, sid, *_info(jingle)), child(jingle, NS_TRANSFER, "transfer")
    if transfer is None:
        return event
    return replace(event, to=required(transfer, "to"), other_sid=attribute(transfer, "sid") or None)


def _info(jingle: Element) -> tuple[str | None, str | None]:
    """Return the name and the namespace of a session-info's payload, each None if it has none."""
    payload = jingle.firstChildElement()
    if payload is None:
        return None, None
    namespace = texts.NAMESPACE.format(element=payload.name)
    return bounded(payload.name, texts.PAYLOAD_NAME), bounded(payload.uri or "", namespace) or None


def _reason(jingle: Element) -> tuple[str, str]:
    """Return the condition and the text of the <reason/>. Without a reason the condition is success."""
    condition, text = reasons.read(jingle)
    return condition or "success", text


def stanza(command: JingleCommand, name: str) -> Element:
    """Return the IQ-set for a command; `name` is the command's id, and the IQ's."""
    match command:
        case InitiateSession(sender, to, sid, content, bundle):
            jingle = make("jingle", NS_JINGLE, action="session-initiate", sid=sid, initiator=sender)
            add(jingle, *contents.write_bundle(bundle), *contents.write_with_video(content))
        case AcceptSession(sender, to, sid, content, before, after, bundle):
            jingle = make("jingle", NS_JINGLE, action="session-accept", sid=sid, responder=sender)
            add(jingle, *contents.write_bundle(bundle), *map(contents.write, (*before, content, *after)))
        case InformSession(sender, to, sid, info):
            jingle = make("jingle", NS_JINGLE, action="session-info", sid=sid)
            add(jingle, *([make(info, NS_RTP_INFO)] if info else []))
        case InformTransport(sender, to, sid, content):
            jingle = make("jingle", NS_JINGLE, action="transport-info", sid=sid)
            jingle.addChild(contents.write(content))
        case InformDescription(sender, to, sid, content):
            jingle = make("jingle", NS_JINGLE, action="description-info", sid=sid)
            jingle.addChild(contents.write(content))
        case ChangeContent(sender, to, sid, action, content):
            jingle = make("jingle", NS_JINGLE, action=action, sid=sid)
            jingle.addChild(contents.write(content))
        case RejectContents(sender, to, sid, action, rejected, condition, text):
            jingle = make("jingle", NS_JINGLE, action=action, sid=sid)
            add(jingle, *map(contents.write, rejected), reasons.write(condition, text))
        case TerminateSession(sender, to, sid, condition, text):
            jingle = make("jingle", NS_JINGLE, action="session-terminate", sid=sid)
            jingle.addChild(reasons.write(condition, text))
    return make_stanza("iq", sender, to, jingle, type="set", id=name)
