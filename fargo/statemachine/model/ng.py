"""The media relay in values: what it is asked for (rtpengine's NG protocol), and what it answered.

Only the relay's leg and its adapter look inside; to every other room these are opaque members of Event and Command.

Rules:

1. A relay session is named by us: its name is the protocol's call-id, and never comes again. The end that offers is
   its "offerer", the other its "answerer": those are the protocol's tags.
2. What one end described goes in, and what comes back is what the other end is to be told: the relay's addresses, in
   the manner that the other end needs.
3. Every command is answered by one event, named by the command's id: the adapter says when the relay refused it, or
   kept silent for too long.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, field

from fargo.statemachine.media.description import Description, MediaProfile


class Party(StrEnum):
    """An end of a relay session."""

    OFFERER = "offerer"
    ANSWERER = "answerer"


class _Command(Struct, frozen=True, gc=False, omit_defaults=True):
    session: str


class _Event(Struct, frozen=True, gc=False, omit_defaults=True):
    command: str


class OfferRelay(_Command, frozen=True, tag="OfferRelay"):
    """offer: what one end described, to be put to the other in a manner. ``by``: whose description it is; the answerer
    offers only what changes a session that is there.

    ``mux``: the other end is offered RTP and RTCP on one port. ``transcode``: names of codecs that are offered besides
    its own, for the relay to transcode. ``strip``: names of codecs that are not put through at all.
    """

    description: Description
    profile: MediaProfile = field(name="manner")
    mux: bool = False
    transcode: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    by: Party = Party.OFFERER


class AnswerRelay(_Command, frozen=True, tag="AnswerRelay"):
    """answer: what one end described, to be put to the one that offered, in the manner that it offered in itself."""

    description: Description
    profile: MediaProfile = field(name="manner")
    mux: bool = False
    by: Party = Party.ANSWERER


class PlayDigit(_Command, frozen=True, tag="PlayDigit"):
    """play DTMF towards one end (RFC 4733): the digit has a name here, as it may be part of a PIN; ``duration`` is in
    milliseconds.
    """

    to: Party
    digit: str
    duration: int = 0


class DeleteRelay(_Command, frozen=True, tag="DeleteRelay"):
    """delete: end the session. That it is already gone counts as success."""


class RelayDescribed(_Event, frozen=True, tag="RelayDescribed"):
    """The relay's answer to an offer or an answer: what the other end is to be told."""

    description: Description


class Flow(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the relay received from one end, in RTP packets and octets."""

    party: Party
    packets: int = 0
    octets: int = 0


class RelayDone(_Event, frozen=True, tag="RelayDone"):
    """The relay did what it was told. ``flows``: what a deleted session has carried."""

    flows: tuple[Flow, ...] = ()


class RelayRefused(_Event, frozen=True, tag="RelayRefused"):
    """The relay refused a command, or did not answer in time (``silent``); `problem` is a sentence."""

    problem: str
    silent: bool = False


class RelayLost(Struct, frozen=True, gc=False, tag="RelayLost"):
    """The relay does not answer any more, or has been restarted: its sessions are gone. `problem` is a sentence."""

    problem: str


RelayEvent: TypeAlias = RelayDescribed | RelayDone | RelayRefused | RelayLost
RelayCommand: TypeAlias = OfferRelay | AnswerRelay | PlayDigit | DeleteRelay
