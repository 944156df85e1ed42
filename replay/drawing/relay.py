"""Labels for the messages between the gateway and its media relay, in the words of the relay's protocol."""

from typing import assert_never

from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayDigit,
    PlayRinging,
    RelayCommand,
    RelayDescribed,
    RelayDone,
    RelayEvent,
    RelayLost,
    RelayRefused,
    StopRinging,
    SwitchPhone,
)
from replay.drawing.label import Label, failed, quiet


def received(event: RelayEvent) -> Label:
    """Return the label of an event: the relay answered, or is gone."""
    match event:
        case RelayDescribed():
            return Label("described")
        case RelayDone():
            return quiet("done")
        case RelayRefused(problem=problem):
            return failed(problem)
        case RelayLost(problem=problem):
            return failed(problem)
        case _:
            assert_never(event)


def sent(command: RelayCommand) -> Label:
    """Return the label of a command."""
    match command:
        case OfferRelay():
            return Label("offer")
        case AnswerRelay():
            return Label("answer")
        case PlayDigit():
            return Label("play DTMF")
        case PlayRinging():
            return Label("play media (ringing)")
        case StopRinging():
            return Label("stop media")
        case SwitchPhone(on=on):
            return Label("unblock media" if on else "block media")
        case DeleteRelay():
            return Label("delete")
        case _:
            assert_never(command)
