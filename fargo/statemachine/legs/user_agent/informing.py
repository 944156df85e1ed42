"""The messages to the far end of an answered call by INFO (RFC 6086): a key that was pressed, and that a whole
picture is wanted (RFC 5168).

Rules:

1. An INFO is sent once, and only to a phone that has said that it understands the method. Its response is of no use.
2. Video begins with a whole picture, on which the following ones build. The first one is often lost: phones send it
   with their answer, before ICE has found the way to the client. A client that sends requests for a picture (RFC 4585,
   RFC 5104) gets another one. For one that does not, the far end is asked once, `_PICTURE_AFTER` seconds after video
   was agreed on.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Dtmf
from fargo.statemachine.legs.user_agent import dialog, texts
from fargo.statemachine.legs.user_agent.offer_answer import MediaSession
from fargo.statemachine.legs.user_agent.phases import Confirmed
from fargo.statemachine.model.sip_values import Body, PressedKey, WholePicture

_PICTURE_AFTER: Final = 2.0  # seconds, which ICE takes at the most on a good network
_REQUESTS: Final = frozenset({"pli", "fir"})


def press(leg: Confirmed, key: Dtmf, effects: Effects) -> Confirmed:
    """Tell the far end of a key that was pressed. It is not repeated: the digit is kept for one message only."""
    return _informed(leg, PressedKey(key.digit, key.duration), effects)


def _informed(leg: Confirmed, body: Body, effects: Effects) -> Confirmed:
    if not leg.dialog.informs:
        return leg
    after, info = dialog.request(leg.dialog, "INFO", body=body)
    effects.emit(info)
    return replace(leg, dialog=after)


def picture_due(session: MediaSession, at: float) -> float | None:
    """Return when the far end is to be asked for a picture, if video is agreed on now; None if it need not be."""
    video = session.ours.local.video
    if video is None or session.theirs.video is None:
        return None
    asks = any(each.subtype in _REQUESTS for codec in video.codecs for each in codec.feedback)
    return None if asks else at + _PICTURE_AFTER


def changed(before: Confirmed, leg: Confirmed, effects: Effects) -> Confirmed:
    """Return the leg after its session has changed: video may have begun, or ended."""
    if leg.session.theirs.video is None:
        return leg if leg.picture is None else replace(leg, picture=None)
    return leg if before.session.theirs.video else replace(leg, picture=picture_due(leg.session, effects.at))


def sooner(leg: Confirmed, other: Deadline | None) -> Deadline | None:
    """Return the deadline of the picture, or another one that comes before it."""
    if leg.picture is None or (other is not None and other.at <= leg.picture):
        return other
    return Deadline(texts.PICTURE, leg.picture)


def ask_for_picture(leg: Confirmed, effects: Effects) -> Confirmed:
    """Ask the far end for a whole picture (rule 2)."""
    return _informed(replace(leg, picture=None), WholePicture(), effects)
