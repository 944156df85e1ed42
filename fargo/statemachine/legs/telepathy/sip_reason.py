"""Why a call ended, in SIP's words, as far as Telepathy's Call1 passes them on.

Rules:

1. To refuse a call, a reason is given with the hang-up; the SIP status follows from it (486, 480 or 488: no other can
   be sent).
2. The reason phrase of a failed call starts with the SIP status code, which the edge writes there, and then
   "gateway:" if the words are ours and not the provider's. Without a code nobody but the manager has spoken, and its
   own classification counts; the caller reads its words, or what it calls the reason.
"""

import re
from typing import Final

from fargo.statemachine.model.call1 import CallStateChanged, ChangeReason
from fargo.statemachine.reason import Cause, Reason

# How to make the manager say it: BUSY and REJECTED become 486, NO_ANSWER and its like 480, MEDIA_ERROR 488.
_REFUSAL: Final = {
    Cause.BUSY: ChangeReason.BUSY,
    Cause.DECLINED: ChangeReason.REJECTED,
    Cause.NO_ANSWER: ChangeReason.NO_ANSWER,
    Cause.UNAVAILABLE: ChangeReason.NO_ANSWER,
    Cause.NOT_FOUND: ChangeReason.NO_ANSWER,
    Cause.NETWORK: ChangeReason.NO_ANSWER,
    Cause.SERVER_ERROR: ChangeReason.NO_ANSWER,
    Cause.FAULT: ChangeReason.NO_ANSWER,
    Cause.MEDIA: ChangeReason.MEDIA_ERROR,
    Cause.APPLICATION: ChangeReason.MEDIA_ERROR,
    Cause.TRANSPORT: ChangeReason.MEDIA_ERROR,
    Cause.SECURITY: ChangeReason.MEDIA_ERROR,
}
# RFC 3261 §21, RFC 7247 §7.
_STATUS: Final = {
    401: Cause.FORBIDDEN, 403: Cause.FORBIDDEN, 404: Cause.NOT_FOUND, 407: Cause.FORBIDDEN, 408: Cause.NO_ANSWER,
    410: Cause.NOT_FOUND, 415: Cause.MEDIA, 480: Cause.UNAVAILABLE, 484: Cause.NOT_FOUND, 486: Cause.BUSY,
    487: Cause.CANCELLED, 488: Cause.MEDIA, 502: Cause.NETWORK, 503: Cause.NETWORK, 504: Cause.NETWORK,
    600: Cause.BUSY, 603: Cause.DECLINED, 604: Cause.NOT_FOUND, 606: Cause.MEDIA, 607: Cause.DECLINED,
    608: Cause.DECLINED,
}  # fmt: skip
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
    # 487, 488 and 491 come like this; of these a phone that was never cancelled sends 488.
    ChangeReason.USER_REQUESTED: Cause.MEDIA,
}
_IN_WORDS: Final[dict[int, str]] = {each: each.name.lower().replace("_", " ") for each in ChangeReason}
# The manager found nobody to send the call to: the edge is being started again.
_NO_EDGE: Final = "The gateway's SIP part cannot take calls just now. Try again in a moment."
_PHRASE: Final = re.compile(r"(?P<code>[3-6]\d\d)(?: (?P<ours>gateway: )?(?P<words>.*))?", re.DOTALL)
_WORDLESS: Final = "no reason given"


def refusal(reason: Reason) -> ChangeReason:
    """With which reason to hang up (rule 1)."""
    return _REFUSAL.get(reason.cause, ChangeReason.USER_REQUESTED)


def failure(domain: str, event: CallStateChanged) -> Reason:
    """Why a call that we placed failed, in the words of the domain's server (rule 2)."""
    found = _PHRASE.fullmatch(event.message)
    if found is None:
        return Reason(_CLASSIFIED.get(event.reason, Cause.SERVER_ERROR), _unnumbered(domain, event))
    code, words = int(found["code"]), found["words"] or _WORDLESS
    cause = Cause.UNAVAILABLE if code < 400 else _STATUS.get(code, Cause.SERVER_ERROR)
    return Reason(cause, f"{words}." if found["ours"] else f"{domain} says: {words} ({code})")


def hung_up(event: CallStateChanged) -> Reason:
    """Why an established call ended: a BYE, or a change of it that the far end refused."""
    found = _PHRASE.fullmatch(event.message)
    if found is None:
        return Reason(Cause.HUNG_UP)
    words = found["words"] or _WORDLESS
    return Reason(Cause.MEDIA, f"The phone refused a change of the call: {words} ({found['code']})")


def _unnumbered(domain: str, event: CallStateChanged) -> str:
    """What the caller reads of a failure without a status."""
    if event.reason == ChangeReason.SERVICE_ERROR:
        return _NO_EDGE
    words = "".join(c if c.isprintable() else "?" for c in event.message) or _IN_WORDS.get(event.reason, "unknown")
    return f"The call to {domain} failed: {words}."
