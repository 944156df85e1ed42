"""The listed changes of texts for people."""

from typing import Final

from fargo.statemachine.call.texts import TOO_LONG
from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.events import CommandAsked, GatewayAsked
from fargo.statemachine.model.requests import NotUnderstood, ShowHelp
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import without_texts


def _plain_sentences(difference: Difference) -> bool:
    """Only texts for people differ."""
    return without_texts(difference.then) == without_texts(difference.now)


def _transfers_offered(difference: Difference) -> bool:
    """Only the help differs, or why a call has ended that has lasted for too long."""
    event = difference.recorded.event
    helps = isinstance(event, GatewayAsked | CommandAsked) and isinstance(event.request, ShowHelp | NotUnderstood)
    ends = any(isinstance(each.command, RecordEnded) and each.command.text == TOO_LONG for each in difference.now)
    return (helps or ends) and _plain_sentences(difference)


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.PLAIN_SENTENCES.name: _plain_sentences,
    rules.TRANSFERS_OFFERED.name: _transfers_offered,
}
