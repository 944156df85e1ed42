"""Reasons as Telepathy's Call1 can express them.

Rules:

1. A call is refused by hanging up with a Call_State_Change_Reason, from which the SIP status follows: 486, 480 or 488.
   No other status can be sent.
2. The reason phrase of a failed call begins with the SIP status code, which the edge writes there, and then "gateway:"
   if the words are ours and not the provider's. If there is no code, the manager itself ended the call: the cause
   follows from its classification, and the caller reads its words, or the name of the classification.
"""

import re
from typing import Final

from fargo.statemachine.legs.telepathy import texts
from fargo.statemachine.model.call1 import CallStateChanged, ChangeReason
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
_PHRASE: Final = re.compile(r"(?P<code>[3-6]\d\d)(?: (?P<ours>gateway: )?(?P<words>.*))?", re.DOTALL)


def refusal(reason: Reason) -> ChangeReason:
    """Return the reason to hang up with (rule 1)."""
    return _REFUSAL.get(reason.cause, ChangeReason.USER_REQUESTED)


def failure(domain: str, event: CallStateChanged) -> Reason:
    """Return why a call that we placed failed, in the words of the domain's server (rule 2)."""
    found = _PHRASE.fullmatch(event.message)
    if found is None:
        return Reason(_CLASSIFIED.get(event.reason, Cause.SERVER_ERROR), _unnumbered(domain, event))
    text = texts.SAID_BY_US if found["ours"] else texts.SAID_BY_SERVER
    code, words = int(found["code"]), found["words"] or texts.NO_WORDS
    return Reason(from_status(code), text.format(domain=domain, words=words, code=code))


def hung_up(event: CallStateChanged) -> Reason:
    """Return why an established call ended: by a BYE, or because the far end refused a change of it."""
    found = _PHRASE.fullmatch(event.message)
    if found is None:
        return Reason(Cause.HUNG_UP)
    words = found["words"] or texts.NO_WORDS
    return Reason(Cause.MEDIA, texts.CHANGE_REFUSED.format(words=words, code=found["code"]))


def _unnumbered(domain: str, event: CallStateChanged) -> str:
    """Return the text for a failure without a status."""
    if event.reason == ChangeReason.SERVICE_ERROR:
        # The manager found nobody to send the call to: the edge is being started again.
        return texts.NO_EDGE
    words = "".join(c if c.isprintable() else "?" for c in event.message)
    return texts.FAILED.format(domain=domain, words=words or _NAMES.get(event.reason, texts.UNKNOWN_REASON))
