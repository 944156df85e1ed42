"""What a client offers, or answers: which of it can be put through, and why the rest cannot."""

import msgspec

from fargo.statemachine.media import Content, Unusable, has_voice, malformed, plain
from fargo.statemachine.reason import Cause, Reason


def audio(contents: tuple[Content, ...]) -> Content | Reason:
    """The audio that can be put through, with a description that a plain phone can take; or why there is none."""
    content = next((c for c in contents if c.description and c.description.media == "audio"), None)
    if content is None or content.description is None:
        return Reason(Cause.APPLICATION, "This gateway carries voice calls only; the offer contains no RTP audio.")
    if content.description.encryption_required:
        return Reason(Cause.SECURITY, "Your client demands encrypted audio, which the called phone cannot do.")
    described = plain(content.description)
    if isinstance(described, Unusable):
        return Reason(Cause.TRANSPORT, described.problem)
    if not has_voice(described.codecs):
        return Reason(Cause.APPLICATION, "Your client's offer names no voice codec.")
    return msgspec.structs.replace(content, description=described)


def line_break(contents: tuple[Content, ...]) -> str:
    """What makes the contents unfit to be passed on, as a sentence; "" if nothing does."""
    return next((p for c in contents if c.description and (p := malformed(c.description))), "")
