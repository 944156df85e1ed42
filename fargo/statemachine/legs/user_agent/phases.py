"""The phases of the user agent's leg.

A call of ours is named after the client's side of RFC 3261 (Uac), one to us after the server's side (Uas), until its
dialog is confirmed. From then on both are the same.
"""

from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.legs.leg_events import LegEvents
from fargo.statemachine.legs.sip.phases import Access, Over
from fargo.statemachine.legs.user_agent.dialog import Dialog
from fargo.statemachine.legs.user_agent.offer_answer import MediaSession, Ours
from fargo.statemachine.legs.user_agent.session_timer import Refreshing
from fargo.statemachine.media.description import Description
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestReceived
from fargo.statemachine.model.sip_values import Endpoint, RequestHead, Sdp, SipHeaders
from fargo.statemachine.reason import Reason


class UserAgentPhase(Struct, frozen=True, gc=False):
    """The base of all phases. ``name``: that of the dialog (`sip_messages`, rule 1). ``access``: that of the account
    that the call is for.
    """

    name: str
    access: Access


class SentRequest(Struct, frozen=True, gc=False):
    """A request of ours, and the id of its command."""

    command: str
    request: SendRequest


# --- a call that we placed


class EarlyMedia(Struct, frozen=True, gc=False):
    """The audio that a phone describes before it answers (RFC 3960), and since when."""

    sdp: Sdp
    since: float


class EarlyDialog(Struct, frozen=True, gc=False):
    """A dialog that is not answered (RFC 3261 §12.1). Each phone that a call is forked to has its own.

    ``rseq``: that of the last reliable provisional response (RFC 3262), None if there was none. ``media``: None if the
    phone has not described its audio.
    """

    dialog: Dialog
    rseq: int | None = None
    media: EarlyMedia | None = None


class UacCalling(UserAgentPhase, frozen=True, gc=False):
    """The INVITE is sent, and nobody has responded. ``domain``: that whose server it went to. ``offer``: see INVITE."""

    invite: SentRequest
    domain: str
    offer: Description
    since: float


class UacProceeding(UserAgentPhase, frozen=True, gc=False):
    """The call is on its way to a phone, or rings there. ``source``: the address that the response came from.

    ``alerted``: a phone has responded with 180. ``heard``: the other leg has been told of early audio.
    """

    invite: SentRequest
    domain: str
    offer: Description
    since: float
    early: tuple[EarlyDialog, ...]
    source: Endpoint | None
    ringing: bool = False
    alerted: bool = False
    heard: bool = False


class UacRecalling(UserAgentPhase, frozen=True, gc=False):
    """The call was not answered when its edge was lost, to which all responses go. It is placed anew as soon as the
    phones have heard that it has ended, and at the latest ``until``. ``invite``: that of the lost call; ``early``: its
    dialogs with those that have not, after the BYE.
    """

    invite: SentRequest
    domain: str
    offer: Description
    since: float
    until: float
    early: tuple[Dialog, ...]


class UacCancelling(UserAgentPhase, frozen=True, gc=False):
    """We have cancelled the call. The INVITE has no final response, which may yet be that the call is answered.

    ``proceeded``: some phone has responded before, so the INVITE has certainly arrived. ``early``: the dialogs with
    the phones. ``until``: when it can be taken for dead.
    """

    invite: SentRequest
    until: float
    proceeded: bool
    early: tuple[Dialog, ...]


# --- a call that has come in


class ReliableRinging(Struct, frozen=True, gc=False):
    """The caller demanded reliable provisional responses (RFC 3262). ``rseq``: that of our last one.

    ``since``: when we sent it, None if it has been acknowledged.
    """

    rseq: int
    since: float | None


class EarlyAnswer(Struct, frozen=True, gc=False):
    """The caller's offer is answered before the call is, so that it hears the other end (RFC 3960).

    ``session``: as that answer makes it. ``waits``: the caller has not been told, as it has not acknowledged the
    response before (RFC 3262 §3). ``taken``: what the other end wants the session to be, which has answered and waits
    for such an acknowledgement; None if it does not.
    """

    session: MediaSession
    waits: bool = False
    taken: Ours | None = None


class UasProceeding(UserAgentPhase, frozen=True, gc=False):
    """A call has come in and waits for our answer.

    ``sdp``: the caller's offer, None if we are to make the offer. ``offer``: what the other leg is offered.
    ``ringing``: the caller has been told that a client rings; ``reliable`` is not None if it demanded to be told
    reliably. ``early``: None if its offer has no answer.
    """

    head: RequestHead
    headers: SipHeaders
    dialog: Dialog
    sdp: Sdp | None
    offer: Description
    since: float
    ringing: bool = False
    reliable: ReliableRinging | None = None
    early: EarlyAnswer | None = None


class UasRefused(UserAgentPhase, frozen=True, gc=False):
    """We have refused the call, and the caller has not acknowledged that."""

    head: RequestHead
    since: float


class UasReleasing(UserAgentPhase, frozen=True, gc=False):
    """We have accepted the call and hung up since. The BYE has to wait for the caller's ACK (RFC 3261 §15)."""

    dialog: Dialog
    head: RequestHead
    since: float


# --- a confirmed dialog


class OfferSent(Struct, frozen=True, gc=False):
    """A re-INVITE or UPDATE of ours has no final response. ``wanted``: what it is to bring about."""

    sent: SentRequest
    wanted: Ours
    since: float


class OfferDeferred(Struct, frozen=True, gc=False):
    """The next offer has to wait: the last one met one of the far end, or could not be handled (RFC 3261 §14.1)."""

    until: float


class Doubted(Struct, frozen=True, gc=False):
    """Nothing is under way, but the gateway was away for a while, and the far end may have hung up. If it has not been
    heard of ``until`` then, the session is refreshed, to learn if the far end still knows it.
    """

    until: float


class AckAwaited(Struct, frozen=True, gc=False):
    """Our 2xx has no ACK. ``first``: it is that to the first INVITE. ``offer``: our offer in it, which the ACK is to
    answer; None if it was our answer. ``wanted``: what that offer is to bring about.
    """

    head: RequestHead
    since: float
    first: bool
    offer: Sdp | None
    wanted: Ours | None = None


class VideoAwaited(Struct, frozen=True, gc=False):
    """The far end offers video in a call that has none. Its offer is answered when the other leg has said if it takes
    that.
    """

    request: SipRequestReceived
    since: float


Exchange: TypeAlias = OfferSent | OfferDeferred | Doubted | AckAwaited | VideoAwaited
"""An exchange of offer and answer that is under way in a confirmed dialog."""


class Referred(Struct, frozen=True, gc=False):
    """The far end has asked us to call another (`referring`). ``cseq``: the number of its REFER; ``quiet``: it wants no
    notices of it; ``status``: what the latest said; ``last``: the id of the last one's command, None if it was not
    sent. ``until``: the other has taken the call, and we hang up by then at the latest; None otherwise.
    """

    cseq: int
    quiet: bool = False
    status: int = 100
    last: str | None = None
    until: float | None = None


class Confirmed(UserAgentPhase, frozen=True, gc=False):
    """The call is answered (RFC 3261 §12).

    ``wanted``: what the other leg wants the session to be for its part. ``timer``: None if nobody refreshes the
    session. ``invites``: the first INVITE, if it was ours, and our last re-INVITE, if there was one: each further 2xx
    to them gets an ACK. ``forks``: the dialogs with other phones, which may answer, too. ``since``: when
    the call was answered. ``lost``: why the far end has to send audio elsewhere than before, None if it has not.
    ``keyless``: the keys of the audio are lost, as the gateway was restarted, so no description of ours can be sent.
    ``referred``: None if no transfer is under way. ``moved``: since when we are at another edge than the far end knows;
    None if it knows ours. ``asked``: the far end was asked to call another, and may tell what has become of that.
    ``unanswered``: how many offers of ours in a row it has not responded to.
    ``picture``: when the far end is to be asked for a whole picture, None if it is not. ``in_force``: our description
    that counts, if it has not agreed to a later one; None if the last does.
    """

    dialog: Dialog
    session: MediaSession
    wanted: Ours
    since: float
    invites: tuple[SentRequest, ...] = ()
    exchange: Exchange | None = None
    timer: Refreshing | None = None
    forks: tuple[Dialog, ...] = ()
    lost: Reason | None = None
    keyless: bool = False
    referred: Referred | None = None
    moved: float | None = None
    asked: bool = False
    unanswered: int = 0
    picture: float | None = None
    in_force: Sdp | None = None


class Releasing(UserAgentPhase, frozen=True, gc=False):
    """We have hung up, and the far end has not confirmed that. ``linger``: until when further 2xx to ``invites`` may
    come, None if none are expected. ``forks``: see `Confirmed`.
    """

    dialog: Dialog
    since: float
    invites: tuple[SentRequest, ...]
    linger: float | None
    forks: tuple[Dialog, ...]


class Lingering(UserAgentPhase, frozen=True, gc=False):
    """The call is over, but other phones that it was forked to may yet answer, and have to be told. ``dialog``: that
    which has ended. ``forks``: see `Confirmed`.
    """

    dialog: Dialog
    invites: tuple[SentRequest, ...]
    until: float
    forks: tuple[Dialog, ...]


UserAgentLeg: TypeAlias = (
    UacCalling
    | UacProceeding
    | UacRecalling
    | UacCancelling
    | UasProceeding
    | UasRefused
    | UasReleasing
    | Confirmed
    | Releasing
    | Lingering
)
UserAgentStep: TypeAlias = tuple[UserAgentLeg | Over, LegEvents]
"""The leg after something has happened, and what the bridge should know."""
