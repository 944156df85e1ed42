"""Answered calls, in either direction, and what is said in them."""

from collections.abc import Callable

import pytest

from fargo.statemachine.media.description import Candidate, RawUdp, Senders
from fargo.statemachine.model.commands import Command, InformSession, InformTransport
from fargo.statemachine.model.sip_values import Body, Sdp

from ..story import PCMA, PCMU
from .phone import Phoning, sdp

AWAY = (Candidate(1, "127.0.0.8", 6000),)
MOVED = RawUdp((Candidate(1, "127.0.0.7", 4100), Candidate(2, "127.0.0.7", 4101)))

Beginning = Callable[[], Phoning]


def out() -> Phoning:
    """A call of the client, answered with PCMU and PCMA."""
    return Phoning().talking(body=sdp(PCMU, PCMA))


def called_in() -> Phoning:
    """A call of the phone, answered with PCMU and PCMA."""
    return Phoning().called(sdp(PCMU, PCMA))


EITHER_WAY = pytest.mark.parametrize("begin", [out, called_in])


def sid(story: Phoning) -> str:
    """The session of the client."""
    return story.sid if story.user.calls and next(iter(story.user.calls.values())).caller else "s1"


def said(story: Phoning) -> Sdp:
    """The description in the one SIP message with a body that the last event led to."""
    bodies = [getattr(each.command, "body", None) for each in story.last]
    [found] = [each for each in bodies if isinstance(each, Sdp)]
    return found


def direction(body: Body | None) -> Senders:
    """The direction of a description: "initiator" is the phone."""
    assert isinstance(body, Sdp)
    assert body.audio
    return body.audio.senders


def told(commands: list[Command]) -> list[str]:
    """The news of hold and moves that the client gets."""
    return [
        str(each.info) if isinstance(each, InformSession) else "moved"
        for each in commands
        if isinstance(each, InformSession | InformTransport)
    ]
