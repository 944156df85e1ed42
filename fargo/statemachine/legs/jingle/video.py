"""Video in a session: how it is added, taken, and removed in the middle of it (XEP-0166 §7.2.1 to §7.2.5).

Rules:

1. One content of video is carried. A client that adds one waits until the phone has said if it takes that (`Adding`).
   Whatever it adds besides is rejected.
2. A client is asked for video only if it announces that it takes any, and once at a time (`Asked`).
3. A content that either end removes is gone. The call goes on as audio.
4. Who sends, `senders` of the content says, for both ends (XEP-0166 §7.2.6). So a client says something of what an end
   does only if it changes that: if it turns its camera off while the other end sends nothing, it still takes what that
   may send later. If it is wrong about the other end, it is told how things are, once; and so it is if its word has
   crossed ours, as it may take ours for the later one.
5. A client that adds video takes it, too, although some name only themselves: they do not know yet if the other end has
   any.
6. A client is told what the other end sends, and never what it is to send itself: Conversations ends the session then,
   and nobody else may turn its camera on. So it goes on sending if the other end takes no video any more.
"""

from typing import TypeAlias

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_session
from fargo.statemachine.legs.jingle.jingle_session import Adding, Asked, Session
from fargo.statemachine.legs.leg_events import (
    LegEvents,
    VideoAnswered,
    VideoDirected,
    VideoEnded,
    VideoOffered,
    standing,
)
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Content, Description, IceUdp, Role, Senders, Transport
from fargo.statemachine.media.pictures import VideoFlow
from fargo.statemachine.model.commands import ChangeContent
from fargo.statemachine.model.jingle_events import ContentAccepted, ContentAdded, ContentRejected, ContentRemoved

VideoStep: TypeAlias = tuple[Session, LegEvents]


# --- what the client says


def added(session: Session, event: ContentAdded, effects: Effects) -> VideoStep:
    """Ask the other end if it takes the video that the client adds; reject all else (rule 1)."""
    content, video = _carried(session, event.contents) or (None, None)
    others = tuple([each for each in event.contents if each is not content])
    if others:
        jingle_session.reject_contents(session, others, effects)
    if content is None or video is None:
        return session, ()
    flow = VideoFlow(sends=pictures.flow(content.senders, session.role).sends)
    return replace(session, change=Adding(content), flow=flow, agreed=content.senders), (VideoOffered(video),)


def _carried(session: Session, contents: tuple[Content, ...]) -> tuple[Content, Description] | None:
    """Return the content that can be added to the session, and its video; None if there is none."""
    if session.video is not None or session.change is not None:
        return None
    for each in contents:
        video = pictures.usable(each.description)
        if video is not None and _is_apart(video.transport, session):
            return each, video
    return None


def _is_apart(transport: Transport, session: Session) -> bool:
    """Return True if the client has another transport for video than for audio (`media.bundle`), of the same kind."""
    audio = session.trickled.transport
    if type(transport) is not type(audio):
        return False
    same = isinstance(audio, IceUdp) and isinstance(transport, IceUdp) and audio.ufrag == transport.ufrag
    return pictures.is_located(transport) or not same


def accepted(session: Session, event: ContentAccepted) -> VideoStep | None:
    """Return the session after the client has taken the video that it was asked for; None if it was asked for none."""
    asked = session.change
    if not isinstance(asked, Asked):
        return None
    said = next((each for each in event.contents if each.name == pictures.VIDEO), None)
    video = pictures.common(asked.video, pictures.usable(said.description if said else None))
    if said is None or video is None:
        return without(session), (VideoAnswered(None),)
    after = replace(begun(session, said.senders), change=None, video=pictures.VIDEO, video_creator=_ours(session))
    return after, (*directed_first(after), VideoAnswered(video))


def rejected(session: Session, event: ContentRejected | ContentRemoved) -> VideoStep | None:
    """Return the session after the client has refused the video that it was asked for; None if it was not asked."""
    named = [each.name for each in event.contents]
    if not isinstance(session.change, Asked) or pictures.VIDEO not in named:
        return None
    return without(session), (VideoAnswered(None),)


def removed(session: Session, event: ContentRemoved) -> VideoStep:
    """Return the session after the client has removed contents that are not the audio (rule 3)."""
    names = [each.name for each in event.contents]
    if isinstance(session.change, Adding) and session.change.content.name in names:
        return without(session), (VideoEnded(),)
    if session.video not in names:
        return rejected(session, event) or (session, ())
    return without(session), (VideoEnded(),)


def modified(session: Session, senders: Senders, effects: Effects) -> VideoStep:
    """Return the session after the client has changed who sends video (rule 4)."""
    said, was = pictures.flow(senders, session.role), pictures.flow(session.agreed, session.role)
    flow = VideoFlow(
        said.sends if said.sends is not was.sends else session.flow.sends,
        said.takes if said.takes is not was.takes else session.flow.takes,
    )
    after = replace(session, flow=flow, agreed=senders)
    if flow == session.flow:
        return after, ()
    if (now := _sending(after)) != senders or jingle_session.is_directed(session, effects):
        jingle_session.direct(after, now, effects)
    return after, (VideoDirected(flow),)


def acknowledged(session: Session, told: ChangeContent) -> Session:
    """Return the session after the client has acknowledged what it was told of video."""
    return replace(session, agreed=told.content.senders) if jingle_session.is_direction(told) else session


def begun(session: Session, senders: Senders) -> Session:
    """Return the session after the client has offered or taken video with this direction."""
    return replace(session, flow=pictures.flow(senders, session.role), agreed=senders)


def directed_first(session: Session) -> LegEvents:
    """Return what the other end is told of what the client does with video that it has just taken, or been accepted."""
    return () if session.video is None else standing(False, session.flow)


def _sending(session: Session) -> Senders:
    """Return who sends video, as the client is told (rule 6)."""
    client, other = session.flow.sends, session.far.sends and session.flow.takes
    return pictures.senders(*((client, other) if session.calls else (other, client)))


def without(session: Session) -> Session:
    """Return the session without video, and with none that either end wants to add."""
    both = pictures.BOTH_WAYS
    return replace(session, video=None, change=None, flow=both, far=both, agreed="both")


# --- what the other end does


def directed(session: Session, far: VideoFlow, effects: Effects) -> Session:
    """Tell the client what the other end does with video from now on, if that changes who sends."""
    after = replace(session, far=far)
    if session.video is not None and _sending(after) != _sending(session):
        jingle_session.direct(after, _sending(after), effects)
    return after


def offered(session: Session, video: Description, effects: Effects) -> VideoStep:
    """Ask the client for video (rule 2)."""
    if not session.sees or session.video is not None or session.change is not None:
        return session, (VideoAnswered(None),)
    jingle_session.change(session, "content-add", pictures.VIDEO, _ours(session), video, effects)
    return replace(session, change=Asked(video)), ()


def answered(session: Session, video: Description | None, effects: Effects) -> Session:
    """Tell the client if the other end takes the video that it wants to add."""
    if not isinstance(session.change, Adding):
        return session
    content = session.change.content
    if video is None:
        jingle_session.reject_contents(session, (content,), effects)
        return without(session)
    jingle_session.change(session, "content-accept", content.name, content.creator, video, effects)
    after = replace(session, change=None, video=content.name, apart=True, video_creator=content.creator)
    if (now := _sending(after)) != content.senders:
        jingle_session.direct(after, now, effects)
    return after


def ended(session: Session, effects: Effects) -> Session:
    """Tell the client that there is no video any more, or that none comes of what it was asked for."""
    if session.video is not None:
        jingle_session.change(session, "content-remove", session.video, session.video_creator, None, effects)
    elif isinstance(session.change, Asked):
        jingle_session.change(session, "content-remove", pictures.VIDEO, _ours(session), None, effects)
    elif isinstance(session.change, Adding):
        jingle_session.reject_contents(session, (session.change.content,), effects)
    return without(session)


def _ours(session: Session) -> Role:
    """Return our part in the session."""
    return "responder" if session.calls else "initiator"
