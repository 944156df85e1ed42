"""The records of a call that our own user agent has, for the readers of the log (`call_records`).

Rules:

1. They follow from the phase alone. Whoever changes a leg need not think of them: `call_state` writes what is new.
2. The ends of the audio are what has been agreed on, and not what is only wanted or offered.
"""

from typing import assert_never

from fargo.statemachine.legs.user_agent import dialog
from fargo.statemachine.legs.user_agent.dialog import Dialog
from fargo.statemachine.legs.user_agent.offer_answer import MediaSession
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    Releasing,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UacRecalling,
    UasProceeding,
    UasRefused,
    UasReleasing,
    UserAgentLeg,
)
from fargo.statemachine.media.description import Description, RawUdp, address, is_secured
from fargo.statemachine.model.call_records import CallRecord, RecordDialog, RecordMedia, Side


def of(leg: UserAgentLeg, call: str) -> tuple[CallRecord, ...]:
    """Return the records of a leg as it stands. ``call``: the id of its call."""
    match leg:
        case Confirmed():
            return _dialog(leg.dialog, call), _media(leg.session, call)
        case (
            UacCalling(invite=invite)
            | UacProceeding(invite=invite)
            | UacRecalling(invite=invite)
            | UacCancelling(invite=invite)
        ):
            request = invite.request
            return (RecordDialog(call, request.call_id, request.sender.uri, request.recipient.uri),)
        case UasProceeding() | UasReleasing() | Releasing() | Lingering():
            return (_dialog(leg.dialog, call),)
        case UasRefused(head=head):
            return (RecordDialog(call, head.call_id, dialog.uri(head.from_text), dialog.uri(head.to_text)),)
        case _:
            assert_never(leg)


def _dialog(of: Dialog, call: str) -> RecordDialog:
    sender, recipient = (of.local, of.remote) if of.calls else (of.remote, of.local)
    return RecordDialog(call, of.call_id, sender.uri, recipient.uri)


def _media(session: MediaSession, call: str) -> RecordMedia:
    seen = session.theirs.video.codecs if session.theirs.video else ()
    codecs = tuple(f"{each.name}/{each.clockrate}" for each in (*session.theirs.codecs, *seen))
    held_by = (*((Side.CLIENT,) if session.ours.holds else ()), *((Side.PHONE,) if session.held else ()))
    encrypted = bool(session.theirs.crypto) or is_secured(session.theirs)
    return RecordMedia(call, codecs, _place(session.ours.local), _place(session.theirs), held_by, encrypted)


def _place(description: Description) -> str | None:
    """Return where an end takes audio; None if it is not known, as ICE finds out, and does not tell."""
    found = address(description) if isinstance(description.transport, RawUdp) else None
    if found is None:
        return None
    return f"[{found.ip}]:{found.port}" if ":" in found.ip else f"{found.ip}:{found.port}"
