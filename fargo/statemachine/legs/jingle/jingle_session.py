"""A Jingle session with one client: what is known of it, and how each thing is said in it.

Rules:

1. An invitation or an acceptance waits for its answer as long as `_LONGEST_ANSWER`. If a client refuses it, at once or
   after it has acknowledged it, or never answers it, then there is no session.
2. Information waits for no answer, as no harm is done if it gets lost. It stays pending until it is answered or the
   session ends: a client that answers, however late, that it knows no such session is not in it (XEP-0166 §10). Only
   the latest pieces stay, as a client that answers none would let their number grow, and none that one which it has
   answered makes void (`answered`). After a restart of the gateway, what was said last and not answered is said again
   (`say_again`): that it rings, a hold or resume, a move, codecs, that video is taken or removed, and who
   sends it.
3. A session-terminate waits until it is acknowledged: the client may not go on ringing or talking.
4. An acceptance that was not answered before a restart of the gateway is said again, too: a client that waits for it
   would ring for ever. One that has it may say that this is out of order, and goes on (XEP-0166 §10).
5. A session that began with a proposal (XEP-0353) is also ended with a <finish/>, for the archives of both sides.
"""

from typing import Final, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.address import bare
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import texts, unacknowledged
from fargo.statemachine.legs.jingle.trickled import Trickled
from fargo.statemachine.media import pictures
from fargo.statemachine.media.bundle import OfferedContents, answer
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    IceUdp,
    MediaProfile,
    RawUdp,
    Role,
    Senders,
    Transport,
    UnknownTransport,
)
from fargo.statemachine.media.pictures import VideoFlow
from fargo.statemachine.model.commands import (
    AcceptSession,
    ChangeContent,
    ChangingAction,
    Command,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    RefuseIq,
    RejectContents,
    TerminateSession,
)
from fargo.statemachine.model.events import ResourceUnavailable
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    ContentAdded,
    ContentChanged,
    SessionAccepted,
    SessionEvent,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportReplaced,
)
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Reason, to_jingle

JingleEvent: TypeAlias = (
    SessionInitiated
    | SessionAccepted
    | SessionInformed
    | SessionTerminated
    | ContentChanged
    | CallMessaged
    | Reply
    | ResourceUnavailable
)
_Information: TypeAlias = InformSession | InformTransport | InformDescription | ChangeContent
SessionCommand: TypeAlias = InitiateSession | AcceptSession | _Information
"""The commands of a session before its end."""

GONE: Final = frozenset(
    {
        "gone",
        "item-not-found",
        "recipient-unavailable",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
    }
)
"""Errors to our IQs that mean that nobody is there, or nobody who knows the session (RFC 6120 §8.3.3, XEP-0166 §10)."""
_LONGEST_ANSWER: Final = 40.0  # seconds
_MOST_INFORMATION: Final = 16
"""The pieces of information that are pending in a session at a time."""


class Adding(Struct, frozen=True, gc=False):
    """The client wants to add this content, of video."""

    content: Content


class Asked(Struct, frozen=True, gc=False):
    """The client was sent content-add with this video."""

    video: Description


class Session(Struct, frozen=True, gc=False):
    """A session with one client: its id, our JID in it, the client's full JID.

    ``calls``: the client is the initiator. ``proposed``: it began with XEP-0353. ``profile``: how the client sends and
    receives audio; ``content``: the name of the content that the audio is in. ``carrier``: the name of the content
    whose transport it uses, which is another one only in a BUNDLE group. ``declined``: the names of the contents that
    are not carried. ``bundles``: the client understands BUNDLE groups. ``trickled``: what the client has said of its
    transport so far. ``gathers``: the other end is told of it when the client has named its candidates (`describing`).
    ``sees``: the client takes video. ``video``: the name of the content that video is in; None if none is carried;
    ``video_creator``: who has added it. ``apart``: that content has a transport of its own. ``change``: the video that
    either end wants to add, None if there is none. ``flow``: what the client does with video; ``far``: what the other
    end does with it; ``agreed``: who sends, as the client has last said or acknowledged.
    """

    sid: str
    us: str
    client: str
    calls: bool
    proposed: bool = False
    profile: MediaProfile = MediaProfile.PLAIN
    content: str = "voice"
    carrier: str = "voice"
    declined: tuple[str, ...] = ()
    bundles: bool = False
    trickled: Trickled = Trickled()
    gathers: bool = False
    sees: bool = False
    video: str | None = None
    apart: bool = False
    video_creator: Role = "initiator"
    change: Adding | Asked | None = None
    flow: VideoFlow = pictures.BOTH_WAYS
    far: VideoFlow = pictures.BOTH_WAYS
    agreed: Senders = "both"

    @property
    def role(self) -> Role:
        """Return the client's part in the session."""
        return "initiator" if self.calls else "responder"


class Terminated(Struct, frozen=True, gc=False):
    """Nothing is left of an XMPP leg."""


def about(session: Session, event: JingleEvent) -> bool:
    """Return whether the event is about this session."""
    if isinstance(event, SessionEvent):  # the most frequent: isinstance is quicker than a class pattern
        return event.sid == session.sid and event.iq.sender == session.client and event.iq.to == session.us
    match event:
        case Reply(command):
            return isinstance(command, SessionCommand) and _is_in(command, session)
        case ResourceUnavailable():
            return event.resource in (session.client, bare(session.client))
        case CallMessaged():
            return (event.sid, event.sender) == (session.sid, session.client) and bare(event.to) == bare(session.us)
        case _:
            assert_never(event)


def _is_in(command: SessionCommand, session: Session) -> bool:
    return command.sid == session.sid and command.to == session.client and command.sender == session.us


def is_vital(reply: Reply) -> bool:
    """Return whether there is no session without the client's consent to this command."""
    return isinstance(reply.command, InitiateSession | AcceptSession)


# --- how it is said


def initiate(session: Session, content: Content, introduces: bool, effects: Effects, nick: str | None = None) -> None:
    """Send session-initiate (XEP-0166 §6.2), after our presence, which has our ``nick``, if it ``introduces`` us."""
    bundle = (content.name,) if session.bundles else ()
    if content.description is not None and not session.sees:
        content = replace(content, description=pictures.without(content.description))
    invitation = InitiateSession(session.us, session.client, session.sid, content, bundle, introduces, nick)
    effects.emit_pending(invitation, _LONGEST_ANSWER)


def accept(session: Session, offer: OfferedContents, description: Description, effects: Effects) -> None:
    """Send session-accept with the other end's answer, in the contents that the client offered (XEP-0166 §6.5)."""
    given = answer(offer, named(description))
    bundle = offer.bundle if description.video is None else ()
    accepts = AcceptSession(session.us, session.client, session.sid, given.content, given.before, given.after, bundle)
    effects.emit_pending(accepts, _LONGEST_ANSWER)


def inform(session: Session, info: str | None, effects: Effects) -> None:
    """Send session-info (XEP-0167 §8)."""
    _tell(session, InformSession(session.us, session.client, session.sid, info), effects)


def ask(session: Session, effects: Effects) -> None:
    """Send session-info without a payload, to learn whether the client is in this session (XEP-0166 §6.8)."""
    inform(session, None, effects)


def move(session: Session, transport: IceUdp | RawUdp, effects: Effects) -> None:
    """Send transport-info with where audio goes from now on. That these are all the candidates goes without saying:
    some clients look for nothing else if it is said.
    """
    anew = replace(transport, complete=False) if isinstance(transport, IceUdp) else transport
    content = Content(session.carrier, transport=identified(anew))
    _tell(session, InformTransport(session.us, session.client, session.sid, content), effects)


def speak(session: Session, codecs: tuple[Codec, ...], effects: Effects) -> None:
    """Send description-info with the codecs that the other end takes from now on."""
    description = Description("audio", codecs, UnknownTransport(""))
    content = Content(session.content, description=description)
    _tell(session, InformDescription(session.us, session.client, session.sid, content), effects)


def change(
    session: Session, action: ChangingAction, name: str, creator: Role, video: Description | None, effects: Effects
) -> None:
    """Send content-add, content-accept or content-remove for video."""
    content = Content(name, creator, description=video and named(video))
    _tell(session, ChangeContent(session.us, session.client, session.sid, action, content), effects)


def direct(session: Session, senders: Senders, effects: Effects) -> None:
    """Send content-modify with who sends video from now on (XEP-0166 §7.2.6)."""
    content = Content(session.video or pictures.VIDEO, session.video_creator, senders)
    _tell(session, ChangeContent(session.us, session.client, session.sid, "content-modify", content), effects)


def is_directed(session: Session, effects: Effects) -> bool:
    """Return True if the client has not acknowledged a content-modify: what it says may be older."""
    commands = [each.command for each in effects.pending.values()]
    return any(isinstance(each, ChangeContent) and is_direction(each) and _is_in(each, session) for each in commands)


def is_direction(command: ChangeContent) -> bool:
    """Return True if the command is a content-modify."""
    return command.action == "content-modify"


def repeat_moves(session: Session, effects: Effects) -> None:
    """Send each transport-info again that the client has not acknowledged."""
    for name, each in effects.pending.items():
        if isinstance(each.command, InformTransport) and _is_in(each.command, session):
            effects.repeat(name, 0)


def _tell(session: Session, information: _Information, effects: Effects) -> None:
    """Send information that waits for no answer (rule 2)."""
    effects.emit_pending(information, None)
    if len(effects.pending) <= _MOST_INFORMATION:
        return
    told = [
        name
        for name, each in effects.pending.items()
        if isinstance(each.command, _Information) and _is_in(each.command, session)
    ]
    if len(told) > _MOST_INFORMATION:
        effects.settle(*told[:-_MOST_INFORMATION])


def answered(name: str, effects: Effects) -> None:
    """Forget what a pending command has made void that a client answers, as it must not be said again after that."""
    later = effects.pending[name].command
    if not isinstance(later, _Information) or _subject(later) is None:
        return
    for earlier, each in effects.pending.items():
        if earlier == name:
            return
        said = each.command
        if isinstance(said, _Information) and _about(said) == _about(later):
            effects.settle(earlier)


def _about(information: _Information) -> tuple[object, ...]:
    """Return the session that a piece of information is said in, and what it is about."""
    return type(information), information.sender, information.to, information.sid, _subject(information)


def _subject(information: _Information) -> str | None:
    """Return what a piece of information is about, among those of its type; None if nothing makes it void."""
    match information:
        case InformSession(info="hold" | "unhold"):
            return "hold"
        case InformSession():
            return None
        case ChangeContent() if is_direction(information):
            return f"senders of {information.content.name}"
        case InformTransport() | InformDescription() | ChangeContent():
            return information.content.name
        case _:
            assert_never(information)


def reject(session: Session, event: ContentAdded | TransportReplaced, effects: Effects) -> None:
    """Send content-reject or transport-reject: what the client wants to add or replace is not taken, and the session
    goes on (XEP-0166 §7.2.4 and §7.2.14). Nothing is lost with it but an answer.
    """
    if isinstance(event, ContentAdded):
        reject_contents(session, event.contents, effects)
        return
    text = texts.UNSUPPORTED_ACTION.format(action=event.action)
    us, client, sid = session.us, session.client, session.sid
    contents = tuple([_transport_only(each) for each in event.contents])
    effects.emit(RejectContents(us, client, sid, "transport-reject", contents, "unsupported-transports", text))


def reject_contents(session: Session, added: tuple[Content, ...], effects: Effects) -> None:
    """Send content-reject for contents that the client wants to add."""
    text = texts.UNSUPPORTED_ACTION.format(action=ContentAdded.action)
    us, client, sid = session.us, session.client, session.sid
    contents = tuple([Content(each.name, each.creator, each.senders) for each in added])
    effects.emit(RejectContents(us, client, sid, "content-reject", contents, "unsupported-applications", text))


def _transport_only(content: Content) -> Content:
    transport = content.description.transport if content.description else content.transport
    return Content(content.name, content.creator, content.senders, transport=transport)


def terminate(session: Session, reason: Reason, effects: Effects) -> None:
    """Send session-terminate (XEP-0166 §6.7), until the client has acknowledged it."""
    forget(session, effects)
    ends = TerminateSession(session.us, session.client, session.sid, to_jingle(reason), reason.text)
    unacknowledged.say(ends, effects)
    _finish(session, reason, effects)


def terminated(session: Session, reason: Reason, effects: Effects) -> None:
    """Send nothing but <finish/> any more, as the client has ended the session, or is gone."""
    forget(session, effects)
    _finish(session, reason, effects)


def _finish(session: Session, reason: Reason, effects: Effects) -> None:
    """Send <finish/> at the end of a session that was proposed (XEP-0353 §3.7)."""
    if session.proposed:
        message = MessageCall(
            session.us, session.client, session.sid, CallAction.FINISH, to_jingle(reason), reason.text
        )
        effects.emit(message)


def forget(session: Session, effects: Effects) -> None:
    """Wait for no more answers of the client in this session."""
    pending = effects.pending.items()
    effects.settle(
        *[name for name, each in pending if isinstance(each.command, SessionCommand) and _is_in(each.command, session)]
    )


def say_again(session: Session, effects: Effects) -> None:
    """Say again what the client may not have heard, as the gateway was restarted (rules 2 and 4)."""
    for name in _lost(session, effects):
        effects.repeat(name, 0)


def _lost(session: Session, effects: Effects) -> list[str]:
    """Return the ids of the acceptance and of the last information about each thing, if they were not answered."""
    found: dict[object, str] = {}
    for name, each in effects.pending.items():
        said = each.command
        if not isinstance(said, SessionCommand) or not _is_in(said, session):
            continue
        match said:
            case AcceptSession():
                found.pop("ringing", None)
                if each.seconds is not None:
                    found["accept"] = name
            case InformSession(info="ringing"):
                found["ringing"] = name
            case InformSession(info="hold" | "unhold") | InformTransport() | InformDescription() | ChangeContent():
                found[_about(said)] = name
            case _:
                pass
    return [name for name in found.values() if not _asks(effects.pending[name].command)]


def _asks(command: Command) -> bool:
    """Return True for content-add, which is not said twice: the other end does not wait for long for what it asks."""
    return isinstance(command, ChangeContent) and command.action == "content-add"


def doubt(session: Session, effects: Effects) -> None:
    """Wait no longer for the answer to the invitation: either may have been lost, as the gateway was restarted."""
    if name := _unanswered_invitation(session, effects):
        effects.wait_no_longer(name)


def only_ask(session: Session, effects: Effects) -> None:
    """Ask whether the client is in this session, and take an invitation that it may yet answer for acknowledged."""
    for name, each in effects.pending.items():
        if each.until is not None and isinstance(each.command, InitiateSession) and _is_in(each.command, session):
            effects.acknowledge(name)
    ask(session, effects)


def known(session: Session, effects: Effects) -> None:
    """Take the invitation for acknowledged: the client knows the session."""
    if name := _unanswered_invitation(session, effects):
        effects.acknowledge(name)


def is_unheard(session: Session, effects: Effects) -> bool:
    """Return True if the client has not acknowledged the invitation."""
    return _unanswered_invitation(session, effects) is not None


def initiate_again(session: Session, effects: Effects) -> bool:
    """Send the invitation again, if it has not been answered. Return True if it was sent."""
    name = _unanswered_invitation(session, effects)
    if name is not None:
        effects.repeat(name, 0)
    return name is not None


def _unanswered_invitation(session: Session, effects: Effects) -> str | None:
    for name, each in effects.pending.items():
        if each.seconds is not None and isinstance(each.command, InitiateSession) and _is_in(each.command, session):
            return name
    return None


def named(description: Description) -> Description:
    """Return the description with an id for each candidate, as clients demand (XEP-0176 §5.3, XEP-0177 §4.2)."""
    video = description.video and replace(description.video, transport=identified(description.video.transport))
    return replace(description, transport=identified(description.transport), video=video)


def identified(transport: Transport) -> Transport:
    """Return the transport with an id for each candidate. An id names one address in all of a session."""
    match transport:
        case RawUdp(candidates):
            return RawUdp(tuple([replace(c, id=_raw_id(c)) for c in candidates]))
        case IceUdp(candidates=candidates):
            ids = [c if c.id else replace(c, id=f"c{place}") for place, c in enumerate(candidates, 1)]
            return replace(transport, candidates=tuple(ids))
        case UnknownTransport():
            return transport
        case _:
            assert_never(transport)


def _raw_id(candidate: Candidate) -> str:
    return f"c{candidate.component}" + (f"g{candidate.generation}" if candidate.generation else "")


def out_of_order(iq: Iq, effects: Effects) -> None:
    """Refuse an action that does not fit the phase (XEP-0166 §10)."""
    effects.emit(RefuseIq(iq, "wait", "unexpected-request", texts.OUT_OF_ORDER, "out-of-order"))


def unknown_session(iq: Iq, effects: Effects) -> None:
    """Refuse an action on a session that we are not in, or no longer (XEP-0166 §10)."""
    effects.emit(RefuseIq(iq, "cancel", "item-not-found", texts.UNKNOWN_SESSION, "unknown-session"))
