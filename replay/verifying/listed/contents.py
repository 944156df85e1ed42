"""The listed changes of sessions with several contents."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.description import Content
from fargo.statemachine.media.offer import Audio, audio
from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import AcceptSession, Command, InitiateSession, MessageCall, TerminateSession
from fargo.statemachine.model.jingle_events import CallAction, CallProposed, SessionInitiated
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import in_calls


def _every_content_answered(difference: Difference) -> bool:
    """The older rules offered no group and declined nothing; ended a call for its first audio, which has another; or
    let a client proceed that has proposed video.
    """
    then, now = in_calls(difference.then), in_calls(difference.now)
    if then == [(_alone(command), call) for command, call in now]:
        return then != now
    event = difference.recorded.event
    if isinstance(event, CallProposed):
        return len(set(event.media)) > 1 and [each[0].action for each in then if isinstance(each[0], MessageCall)] == [
            CallAction.PROCEED
        ]
    if not isinstance(event, SessionInitiated) or not any(isinstance(each[0], TerminateSession) for each in then):
        return False
    first = next((each for each in event.contents if _is_audio(each)), None)
    return first is not None and not isinstance(audio((first,)), Audio) and isinstance(audio(event.contents), Audio)


def _alone(command: Command) -> Command:
    """Return the command as it was when only one content was spoken of."""
    match command:
        case InitiateSession():
            return replace(command, bundle=())
        case AcceptSession():
            return replace(command, before=(), after=(), bundle=())
        case _:
            return command


def _is_audio(content: Content) -> bool:
    return content.description is not None and content.description.media == "audio"


EXPLANATIONS: Final[dict[str, Explains]] = {rules.EVERY_CONTENT_ANSWERED.name: _every_content_answered}
