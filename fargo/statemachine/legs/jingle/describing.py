"""A client that has called, or has taken a call, and has yet to say how it is reached by ICE: its credentials and, if
the other end has ICE itself, its candidates.

Rules:

1. The credentials may come by transport-info (XEP-0176 §5.3 demands them only beside candidates). As long as they are
   missing, its description is of no use to anybody: no phone is called, and none is answered.
2. They are awaited for `_LONGEST`. A client that does not name them by then is out of the call, and told what its
   description lacks.
3. A phone is told the candidates once, as phones take no later ones. So a client that names them one by one has
   `_GATHERING` for that, unless it says before that these are all. If it has named one by then, the call goes on: the
   phone finds the others by the client's checks (RFC 8445 §7.3.1.3). The relay needs none, for the same reason.
"""

from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_session, single_session, texts, trickled, video
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.legs.jingle.single_session import Active, Calling, Describing, SessionStep
from fargo.statemachine.legs.leg_events import Answered, LegEvents, Offered
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Content, Description, MediaProfile
from fargo.statemachine.media.offer import accepted, audio, audio_content
from fargo.statemachine.reason import Cause, Reason

# Seconds.
_LONGEST: Final = 20.0
_GATHERING: Final = 2.0
_LACKING: Final = Reason(Cause.MEDIA, texts.NO_CREDENTIALS)
_NOWHERE: Final = Reason(Cause.MEDIA, texts.NO_CANDIDATES)


Taken: TypeAlias = tuple[Describing | Active, LegEvents]


def taken(session: Session, contents: tuple[Content, ...], offer: Description, effects: Effects) -> Taken | Reason:
    """Return the leg of a client that has accepted an offer with these contents, or why its answer is of no use."""
    content = audio_content(contents)
    if content is not None:
        known, complete = trickled.described(session.trickled, content)
        contents = tuple([complete if each is content else each for each in contents])
        session, content = replace(session, trickled=known), complete
        if session.profile is not MediaProfile.PLAIN and waits(session):
            return Describing(session, content, offer, effects.at), ()
    return _accepted(session, contents, offer)


def _accepted(session: Session, contents: tuple[Content, ...], offer: Description) -> Taken | Reason:
    answer = accepted(contents, offer, session.profile)
    if isinstance(answer, Reason):
        return answer
    if answer.video is not None:
        said = next(each for each in contents if each.description and each.description.media == pictures.VIDEO)
        session = replace(video.begun(session, said.senders), video=pictures.VIDEO)
    return Active(session), (Answered(answer),)


def waits(session: Session) -> bool:
    """Return True if the client has more to say before another end can be told of it (rules 1 and 3)."""
    known = session.trickled
    return trickled.lacks_credentials(known) or (session.gathers and not trickled.is_complete(known))


def _lacks(leg: Describing) -> Reason | None:
    """Return what the client has to say at least; None if the call can do without more."""
    known = leg.session.trickled
    if trickled.lacks_credentials(known):
        return _LACKING
    return None if trickled.names_an_address(known) else _NOWHERE


def deadline(leg: Describing) -> Deadline:
    """Return by when the client must have said more (rules 2 and 3)."""
    seconds = _GATHERING if _lacks(leg) is None else _LONGEST
    return Deadline(texts.CREDENTIALS, leg.since + seconds)


def expire(leg: Describing, effects: Effects) -> SessionStep:
    """Go on with what the client has said by now, or end the session if that is too little."""
    lacking = _lacks(leg)
    return _described(leg, effects) if lacking is None else _refused(leg, lacking, effects)


def informed(leg: Describing, session: Session, effects: Effects) -> SessionStep:
    """Go on with the call once enough is there. ``session``: the client's, after what it has said now."""
    leg = replace(leg, session=session)
    return (leg, ()) if waits(session) else _described(leg, effects)


def _described(leg: Describing, effects: Effects) -> SessionStep:
    session = leg.session
    content = trickled.completed(session.trickled, leg.content)
    if isinstance(leg.offer, Description):
        step = _accepted(session, (content,), leg.offer)
        return _refused(leg, step, effects) if isinstance(step, Reason) else step
    found = audio((content,))
    if isinstance(found, Reason):
        return _refused(leg, found, effects)
    calling = Calling(replace(session, profile=found.profile), leg.offer)
    return calling, (Offered(found.description, found.profile),)


def _refused(leg: Describing, reason: Reason, effects: Effects) -> SessionStep:
    jingle_session.terminate(leg.session, reason, effects)
    return single_session.ended(leg, reason)
