"""The directions of the streams in a session: who sends, in an offer and in an answer (RFC 3264 §5.1 and §6.1).

Rules:

1. The far end is "initiator", the gateway "responder" (`offer_answer`, rule 3).
2. Video has a direction of its own within that of the audio: an end that has the other on hold takes neither.
3. The far end's description tells what it does with video only where it was free to say so. What we did not offer it,
   it cannot agree to, and many repeat that answer in their next offer; and while it has us on hold, its video is held,
   too. So what is known of it stays then.
4. If a far end repeats a direction in an offer that is not wanted any more, our answer cannot take that back: it may
   have no more than the offer (RFC 3264 §6.1). What is ours stays as it was then, so that an offer of ours follows.
"""

from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Content, Description, RawUdp, Senders, address
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow
from fargo.statemachine.model.sip_values import Sdp


def of_audio(holds: bool) -> Senders:
    """Return who is to send audio. ``holds``: we have the far end on hold."""
    return "responder" if holds else "both"


def of_video(ours: VideoFlow, holds: bool) -> Senders:
    """Return who is to send video (rule 2)."""
    return pictures.senders(ours.takes and not holds, ours.sends)


def answering(offered: Senders, wanted: Senders) -> Senders:
    """Return who sends after our answer to the offer of a stream: no more than offered."""
    theirs, ours = pictures.flow(offered, "initiator"), pictures.flow(wanted, "initiator")
    return pictures.senders(theirs.sends and ours.sends, theirs.takes and ours.takes)


def is_kept_silent(held: bool, holds: bool, offered: Senders) -> bool:
    """Return whether we have the far end on hold after our answer to its offer (rule 4). ``held``: we had before;
    ``holds``: we want to.
    """
    return holds or (held and not pictures.flow(offered, "initiator").sends)


def reached(asked: Senders, wanted: VideoFlow, holds: bool, offered: Content | None) -> VideoFlow:
    """Return our use of video after our answer to an offer (rule 4). ``asked``: who was to send before; ``wanted``:
    what we want to do by now, within ``holds``.
    """
    if offered is None:
        return wanted
    before, theirs = pictures.flow(asked, "initiator"), pictures.flow(offered.senders, "initiator")
    sends = wanted.sends and (before.takes or theirs.takes)
    return VideoFlow(sends, wanted.takes and (holds or before.sends or theirs.sends))


def is_held(sdp: Sdp) -> bool:
    """Return True if the far end takes no audio: by its direction, or as it has no address without ICE."""
    assert sdp.audio, "it is usable"
    return sdp.audio.senders in ("initiator", "none") or _is_nowhere(sdp.audio)


def heard(before: VideoFlow, asked: Senders, sdp: Sdp, theirs: Description) -> VideoFlow:
    """Return what the far end does with video, as it describes that now (rule 3). ``asked``: what we last wanted;
    ``theirs``: what is agreed with it.
    """
    if theirs.video is None or sdp.video is None:
        return BOTH_WAYS
    if is_held(sdp):
        return before
    free, told = pictures.flow(asked, "initiator"), pictures.flow(sdp.video.senders, "initiator")
    takes = told.takes and not _is_nowhere(sdp.video)
    return VideoFlow(told.sends or (before.sends and not free.sends), takes or (before.takes and not free.takes))


def _is_nowhere(content: Content) -> bool:
    described = content.description
    return described is not None and isinstance(described.transport, RawUdp) and address(described) is None
