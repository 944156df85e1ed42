"""A call that the user's clients are invited to: what they are told of it, and how it is taken back."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_session, unacknowledged
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.media.description import Content, Description, MediaProfile
from fargo.statemachine.model.commands import MessageCall, ProposeCall
from fargo.statemachine.model.jingle_events import CallAction
from fargo.statemachine.reason import Reason, to_jingle


class Invitation(Struct, frozen=True, gc=False):
    """The session id, our JID, and the offer for clients of each profile, as far as it is known. ``introduces``: the
    clients may not know of us, and are shown our presence first. ``nick``: as we call ourselves, for them. ``direct``:
    the profile whose offer is that of the other end itself, None if the relay makes all.
    """

    sid: str
    us: str
    contents: Mapping[MediaProfile, Content]
    introduces: bool
    nick: str | None = None
    direct: MediaProfile | None = None


class AwaitingOffer(Struct, frozen=True, gc=False):
    """A client that will be invited when the offer for its profile is there."""

    session: Session


class Invited(Struct, frozen=True, gc=False):
    """A client that has been sent session-initiate."""

    session: Session


Called: TypeAlias = AwaitingOffer | Invited


class Proposed(Struct, frozen=True, gc=False):
    """Our <propose/> is with the clients that want to be asked first. ``commands``: its ids. ``sessions``: those that
    clients are invited to if they proceed.
    """

    commands: tuple[str, ...]
    sessions: Mapping[str, Session]


class Retracted(Struct, frozen=True, gc=False):
    """Our <propose/> was taken back: clients know its id as that of a call that is over."""


def content_of(offer: Description) -> Content:
    """Return what clients are offered, as the content of a session."""
    return Content("voice", description=jingle_session.named(offer))


def invite_client(invitation: Invitation, session: Session, effects: Effects) -> Called:
    """Invite a client, unless it has to wait for the offer for its profile."""
    offer = invitation.contents.get(session.profile)
    if offer is None:
        return AwaitingOffer(session)
    jingle_session.initiate(session, offer, invitation.introduces, effects, invitation.nick)
    return Invited(session)


def send_proposal(invitation: Invitation, to: str, sees: bool, effects: Effects) -> str:
    """Send a proposal to a client (full JID), or to all that want to be asked first (bare JID, XEP-0353 §3.1). Nobody
    answers it, but it may come back as an error. ``sees``: it names video, too. Return the id of the command.
    """
    return effects.emit_pending(ProposeCall(invitation.us, to, invitation.sid, invitation.nick, sees), None)


def withdraw(
    invitation: Invitation,
    called: tuple[Called, ...],
    proposal: Proposed | Retracted | None,
    reason: Reason,
    effects: Effects,
) -> None:
    """End these sessions and take the proposal back. A client that has proceeded and waits for the offer is told as
    those are that have only been asked.
    """
    for each in called:
        if isinstance(each, Invited):
            jingle_session.terminate(each.session, reason, effects)
    proceeds = any(isinstance(each, AwaitingOffer) and each.session.proposed for each in called)
    if isinstance(proposal, Proposed):
        effects.settle(*proposal.commands)
    if isinstance(proposal, Proposed) or proceeds:
        retract(invitation, reason, False, effects)


def retract(invitation: Invitation, reason: Reason, tie_break: bool, effects: Effects) -> None:
    """Take the proposal back (XEP-0353 §3.3)."""
    condition = "expired" if tie_break else to_jingle(reason)
    message = MessageCall(
        invitation.us, effects.user, invitation.sid, CallAction.RETRACT, condition, reason.text, tie_break
    )
    unacknowledged.say(message, effects)
