"""What the core notes about calls and accounts, for whoever reads the log: a note stands among the commands, and nobody
carries it out.

Rules:

1. A call has one note of its beginning and one of its end, one of each path that its audio was given, one when it is
   answered, and one of what a relay has carried. A call that is refused at once is noted all the same.
2. Notes come after the commands of their turn, so that no command's name depends on what is noted.
3. A call's id is the version of the event that it began with.
4. An account is noted whenever it has come to look different.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.reason import Cause


class Direction(StrEnum):
    """Which way a call goes, as its user sees it."""

    OUT = "out"
    IN = "in"


class Side(StrEnum):
    """Who ended a call: the user's clients, the phone and its servers, or the gateway itself."""

    CLIENT = "client"
    PHONE = "phone"
    GATEWAY = "gateway"


class AudioPath(StrEnum):
    """Which way a call's audio goes."""

    DIRECT = "direct"
    RELAY = "relay"


class _Record(Struct, frozen=True, gc=False, omit_defaults=True):
    call: str


class RecordBegun(_Record, frozen=True, tag="NoteBegun"):
    """A call begins, or is tried. ``peer``: the far end's SIP address, ``name`` what it calls itself. ``session``: the
    Jingle session's id, "" if there is none (yet).
    """

    direction: Direction
    peer: str
    name: str = ""
    session: str = ""


class RecordPath(_Record, frozen=True, tag="NotePath"):
    """Which way the audio goes, and why: a sentence."""

    path: AudioPath
    why: str


class RecordAnswered(_Record, frozen=True, tag="NoteAnswered"):
    """The called end took the call; ``client`` is the user's client (full JID) that is in it."""

    client: str


class RecordCarried(_Record, frozen=True, tag="NoteCarried"):
    """What the relay received from either end, in RTP packets: none from one of them is audio one way only."""

    from_client: int
    from_phone: int


class RecordEnded(_Record, frozen=True, tag="NoteEnded"):
    """The call ended, or did not come about: who ended it, and why, with the text that people read."""

    by: Side
    cause: Cause
    text: str = ""


class RecordAccount(Struct, frozen=True, gc=False, omit_defaults=True, tag="NoteAccount"):
    """The user's account is this SIP address, "" if there is none (any more); ``status`` says in words how it is."""

    address: str = ""
    signed_in: bool = False
    status: str = ""


CallRecord: TypeAlias = RecordBegun | RecordPath | RecordAnswered | RecordCarried | RecordEnded
LogRecord: TypeAlias = CallRecord | RecordAccount
