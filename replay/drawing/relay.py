"""What passes between the gateway and its media relay, in the words of the relay's protocol, for people."""

from typing import assert_never

from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayDigit,
    RelayCommand,
    RelayDescribed,
    RelayDone,
    RelayEvent,
    RelayLost,
    RelayRefused,
)
from replay.drawing.label import Said, failed, quiet


def received(event: RelayEvent) -> Said:
    """What the relay answered, or that it is gone."""
    match event:
        case RelayDescribed():
            return Said("described")
        case RelayDone():
            return quiet("done")
        case RelayRefused(problem=problem):
            return failed(problem)
        case RelayLost(problem=problem):
            return failed(problem)
        case _:
            assert_never(event)


def sent(command: RelayCommand) -> Said:
    """What the relay was told."""
    match command:
        case OfferRelay():
            return Said("offer")
        case AnswerRelay():
            return Said("answer")
        case PlayDigit():
            return Said("play DTMF")
        case DeleteRelay():
            return Said("delete")
        case _:
            assert_never(command)
