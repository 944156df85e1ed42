"""The commands for the media relay and the events that answer them, after rtpengine's NG protocol.

Only the relay's leg and its adapter look inside. All other modules see opaque members of Event and Command.

Rules:

1. The gateway names each relay session. The name is the protocol's call-id and is never used again. The tags of the
   two ends are "offerer" (the end that made the first offer) and "answerer"; that of a phone that has the place of
   another has a number, such as "answerer-1".
2. An offer or answer carries the description of one end. The reply carries the description for the other end: the
   relay's addresses, in the media profile that the other end needs.
3. Every command is answered by exactly one event, which carries the command's id. If the relay refuses a command or
   does not reply in time, the adapter reports `RelayRefused`.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, field

from fargo.statemachine.media.description import IPV4, Description, Family, MediaProfile, Srtp


class RelayParty(StrEnum):
    """An end of a relay session."""

    OFFERER = "offerer"
    ANSWERER = "answerer"


class RelayPhone(Struct, frozen=True, gc=False):
    """The phone of a session in which one has had the place of another, or is to: which end it is, and how many were
    there before it. Each is an end of its own for the relay, with addresses and keys of the relay that no other knows.
    """

    party: RelayParty
    number: int


class _RelayCommand(Struct, frozen=True, gc=False, omit_defaults=True):
    session: str


class _RelayReply(Struct, frozen=True, gc=False, omit_defaults=True):
    command: str


class OfferRelay(_RelayCommand, frozen=True, tag="OfferRelay"):
    """offer: the description of the end ``by``, to be offered to the other end in a media profile.

    The answerer offers only to change an existing session. ``mux``: offer RTP and RTCP on one port. ``transcode``:
    names of codecs that the relay adds to the offer and transcodes. ``strip``: names of codecs that the relay removes
    from the offer. ``family``: the address family in which the other end is to send audio. ``srtp``: the encryption
    that the other end is offered. ``reserved``: numbers that the other end has for codecs which were offered
    under other numbers (RFC 3264 §6.1). ``closed``: the session has a stream for video that is not used. ``phone``:
    which phone it is from or for, None if there is only one.
    """

    description: Description
    profile: MediaProfile = field(name="manner")
    mux: bool = False
    transcode: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    by: RelayParty = RelayParty.OFFERER
    family: Family = IPV4
    srtp: Srtp = "off"
    reserved: tuple[int, ...] = ()
    closed: bool = False
    phone: RelayPhone | None = None


class AnswerRelay(_RelayCommand, frozen=True, tag="AnswerRelay"):
    """answer: the description of the end ``by``, for the end that offered. ``profile`` is that end's own profile.
    ``closed``, ``phone``: see `OfferRelay`.
    """

    description: Description
    profile: MediaProfile = field(name="manner")
    mux: bool = False
    by: RelayParty = RelayParty.ANSWERER
    closed: bool = False
    phone: RelayPhone | None = None


class PlayDigit(_RelayCommand, frozen=True, tag="PlayDigit"):
    """play DTMF: send a digit to one end (RFC 4733).

    ``digit`` is the digit's name among the transient secrets, as it may be part of a PIN. ``duration`` is in
    milliseconds, None if the client gave none. ``phone``: see `OfferRelay`.
    """

    to: RelayParty
    digit: str
    duration: int | None = None
    phone: RelayPhone | None = None


class PlayRinging(_RelayCommand, frozen=True, tag="PlayRinging"):
    """play media: let one end hear the ringing tone, over and over, instead of the other end."""

    to: RelayParty


class StopRinging(_RelayCommand, frozen=True, tag="StopRinging"):
    """stop media: end `PlayRinging`."""

    to: RelayParty


class SwitchPhone(_RelayCommand, frozen=True, tag="SwitchPhone"):
    """block media, unblock media: pass on what arrives from a phone, or no longer."""

    phone: RelayPhone
    on: bool


class DeleteRelay(_RelayCommand, frozen=True, tag="DeleteRelay"):
    """delete: end the session. The relay not knowing the session counts as success. ``phone``: see `OfferRelay`."""

    phone: RelayPhone | None = None


class RelayDescribed(_RelayReply, frozen=True, tag="RelayDescribed"):
    """The relay's reply to an offer or answer: the description for the other end."""

    description: Description


class Quality(Struct, frozen=True, gc=False, omit_defaults=True):
    """The quality of the audio of one end. ``loss``: the percentage of its packets that were lost. ``jitter`` and
    ``round_trip``: milliseconds on average, the latter None if not known. ``mos``: the score that people would give it
    as far as these tell, from 1 to 4.5.
    """

    loss: float
    jitter: int
    mos: float
    round_trip: int | None = None


class Flow(Struct, frozen=True, gc=False, omit_defaults=True):
    """The number of RTP packets and octets that the relay received from one end. ``quality``: how well they got
    through, None if the relay does not know.
    """

    party: RelayParty
    packets: int = 0
    octets: int = 0
    quality: Quality | None = None


class RelayDone(_RelayReply, frozen=True, tag="RelayDone"):
    """The relay carried out a command. ``flows``: the traffic of a session that was deleted."""

    flows: tuple[Flow, ...] = ()


class RelayRefused(_RelayReply, frozen=True, tag="RelayRefused"):
    """The relay refused a command, or did not reply in time (``silent``). ``problem`` is a sentence. ``unknown``: it
    does not know the session. ``unasked``: it was not even asked, because the command cannot be said to it.
    """

    problem: str
    silent: bool = False
    unknown: bool = False
    unasked: bool = False


class RelayLost(Struct, frozen=True, gc=False, tag="RelayLost"):
    """The relay stopped replying or was restarted, so its sessions are lost. ``problem`` is a sentence."""

    problem: str


RelayEvent: TypeAlias = RelayDescribed | RelayDone | RelayRefused | RelayLost
RelayCommand: TypeAlias = OfferRelay | AnswerRelay | PlayDigit | PlayRinging | StopRinging | SwitchPhone | DeleteRelay
