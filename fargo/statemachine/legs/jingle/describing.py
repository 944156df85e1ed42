"""A client that has called, or has taken a call, and has yet to say with which credentials it uses ICE.

Rules:

1. The credentials may come by transport-info (XEP-0176 §5.3 demands them only beside candidates). As long as they are
   missing, its description is of no use to anybody: no phone is called, and none is answered.
2. They are awaited for `_LONGEST`. A client that does not name them by then is out of the call, and told what its
   description lacks.
"""

from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_session, single_session, texts, trickled
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.legs.jingle.single_session import Active, Calling, Describing, SessionStep
from fargo.statemachine.legs.leg_events import Answered, LegEvents, Offered
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Content, Description, MediaProfile
from fargo.statemachine.media.offer import accepted, audio, audio_content
from fargo.statemachine.reason import Cause, Reason

_LONGEST: Final = 20.0  # seconds
_LACKING: Final = Reason(Cause.MEDIA, texts.NO_CREDENTIALS)


Taken: TypeAlias = tuple[Describing | Active, LegEvents]


def taken(session: Session, contents: tuple[Content, ...], offer: Description, effects: Effects) -> Taken | Reason:
    """Return the leg of a client that has accepted an offer with these contents, or why its answer is of no use."""
    content = audio_content(contents)
    if content is not None:
        known, complete = trickled.described(session.trickled, content)
        contents = tuple([complete if each is content else each for each in contents])
        session, content = replace(session, trickled=known), complete
        if session.profile is not MediaProfile.PLAIN and trickled.lacks_credentials(known):
            return Describing(session, content, offer, effects.at), ()
    answer = accepted(contents, offer, session.profile)
    if isinstance(answer, Reason):
        return answer
    if answer.video is not None:
        session = replace(session, video=pictures.VIDEO)
    return Active(session), (Answered(answer),)


def deadline(leg: Describing) -> Deadline:
    """Return by when the client must have named its credentials."""
    return Deadline(texts.CREDENTIALS, leg.since + _LONGEST)


def expire(leg: Describing, effects: Effects) -> SessionStep:
    """End the session: the client has not named its credentials in time (rule 2)."""
    return _refused(leg, _LACKING, effects)


def informed(leg: Describing, session: Session, effects: Effects) -> SessionStep:
    """Go on with the call once the credentials are there. ``session``: the client's, after what it has said now."""
    leg = replace(leg, session=session)
    if trickled.lacks_credentials(session.trickled):
        return leg, ()
    content = trickled.completed(session.trickled, leg.content)
    if isinstance(leg.offer, Description):
        step = taken(session, (content,), leg.offer, effects)
        return _refused(leg, step, effects) if isinstance(step, Reason) else step
    found = audio((content,))
    if isinstance(found, Reason):
        return _refused(leg, found, effects)
    calling = Calling(replace(session, profile=found.profile), leg.offer)
    return calling, (Offered(found.description, found.profile),)


def _refused(leg: Describing, reason: Reason, effects: Effects) -> SessionStep:
    jingle_session.terminate(leg.session, reason, effects)
    return single_session.ended(leg, reason)
