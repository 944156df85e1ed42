"""Reasons as Telepathy's Call1 can express them.

Rules:

1. A call is refused by hanging up with a Call_State_Change_Reason, from which the SIP status follows: 486, 480 or 488.
   No other status can be sent.
2. The reason phrase of a failed call begins with the SIP status code, which the edge writes there, and then "gateway:"
   if the words are ours and not the provider's; no words of the provider begin so. If there is no code, the manager
   itself ended the call: the cause follows from its classification, and the caller reads its words, or the name of the
   classification.
3. A 408 before the phone rang says that it was not reached.
"""

import re
from typing import Final

from fargo.statemachine.legs.telepathy import texts
from fargo.statemachine.model.call1 import CallStateChanged, ChangeReason
from fargo.statemachine.quoting import quotable
from fargo.statemachine.reason import Cause, Reason, from_status

# The manager sends 486 for BUSY and REJECTED, 480 for NO_ANSWER, 488 for MEDIA_ERROR.
_REFUSAL: Final = {
    Cause.BUSY: ChangeReason.BUSY,
    Cause.DECLINED: ChangeReason.REJECTED,
    Cause.NO_ANSWER: ChangeReason.NO_ANSWER,
    Cause.UNAVAILABLE: ChangeReason.NO_ANSWER,
    Cause.NOT_FOUND: ChangeReason.NO_ANSWER,
    Cause.NETWORK: ChangeReason.NO_ANSWER,
    Cause.CONGESTION: ChangeReason.NO_ANSWER,
    Cause.SERVER_ERROR: ChangeReason.NO_ANSWER,
    Cause.FAULT: ChangeReason.NO_ANSWER,
    Cause.MEDIA: ChangeReason.MEDIA_ERROR,
    Cause.APPLICATION: ChangeReason.MEDIA_ERROR,
    Cause.TRANSPORT: ChangeReason.MEDIA_ERROR,
    Cause.SECURITY: ChangeReason.MEDIA_ERROR,
}
_CLASSIFIED: Final[dict[int, Cause]] = {
    ChangeReason.SERVICE_ERROR: Cause.NETWORK,
    ChangeReason.INVALID_CONTACT: Cause.NOT_FOUND,
    ChangeReason.NO_ANSWER: Cause.NO_ANSWER,
    ChangeReason.BUSY: Cause.BUSY,
    ChangeReason.REJECTED: Cause.DECLINED,
    ChangeReason.PERMISSION_DENIED: Cause.FORBIDDEN,
    ChangeReason.NETWORK_ERROR: Cause.NETWORK,
    ChangeReason.CONNECTIVITY_ERROR: Cause.NETWORK,
    ChangeReason.MEDIA_ERROR: Cause.MEDIA,
    # 487, 488 and 491 are classified so. Only 488 comes from a phone that has not been cancelled.
    ChangeReason.USER_REQUESTED: Cause.MEDIA,
}
_NAMES: Final[dict[int, str]] = {each: each.name.lower().replace("_", " ") for each in ChangeReason}
_TIMEOUT: Final = 408
_NOT_REACHED: Final = Reason(Cause.UNAVAILABLE, texts.NOT_REACHED)
_PHRASE: Final = re.compile(r"(?P<code>[3-6]\d\d)(?: (?P<ours>gateway: )?(?P<words>.*))?", re.DOTALL)


def refusal(reason: Reason) -> ChangeReason:
    """Return the reason to hang up with (rule 1)."""
    return _REFUSAL.get(reason.cause, ChangeReason.USER_REQUESTED)


def failure(domain: str, event: CallStateChanged, rang: bool) -> Reason:
    """Return why a call that we placed failed, in the words of the domain's server (rule 2)."""
    found = _PHRASE.fullmatch(event.message)
    if found is None:
        return Reason(_CLASSIFIED.get(event.reason, Cause.SERVER_ERROR), _unnumbered(event), ours=True)
    code, words = int(found["code"]), quotable(found["words"] or "")
    if found["ours"] and code == _TIMEOUT:
        return Reason(Cause.NO_ANSWER, texts.SAID_BY_US.format(words=words)) if rang else _NOT_REACHED
    if found["ours"]:
        return Reason(from_status(code), texts.SAID_BY_US.format(words=words), ours=True)
    said = _template(code, words).format(domain=domain, words=words, code=code)
    if code == _TIMEOUT and not rang:
        return Reason(Cause.UNAVAILABLE, texts.NOT_REACHED_SAYING.format(said=said))
    return Reason(from_status(code), said)


def _template(code: int, words: str) -> str:
    if not words:
        return texts.SAID_NOTHING
    return texts.REDIRECTED if code < 400 else texts.SAID_BY_SERVER


def hung_up(event: CallStateChanged) -> Reason:
    """Return why an established call ended: by a BYE, or because the far end refused a change of it."""
    found = _PHRASE.fullmatch(event.message)
    if found is None:
        return Reason(Cause.HUNG_UP)
    words = quotable(found["words"] or "")
    template = texts.CHANGE_REFUSED if words else texts.CHANGE_REFUSED_SILENTLY
    return Reason(Cause.MEDIA, template.format(words=words, code=found["code"]))


def _unnumbered(event: CallStateChanged) -> str:
    """Return the text for a failure without a status."""
    if event.reason == ChangeReason.SERVICE_ERROR:
        # The manager found nobody to send the call to: the edge is being started again.
        return texts.NO_EDGE
    words = quotable(event.message)
    return texts.FAILED.format(words=words or _NAMES.get(event.reason, texts.UNKNOWN_REASON))
