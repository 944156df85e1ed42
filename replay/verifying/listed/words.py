"""The listed changes of texts for people."""

from typing import Final

from fargo.statemachine.model import rules
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import without_texts


def _plain_sentences(difference: Difference) -> bool:
    """Only texts for people differ."""
    return without_texts(difference.then) == without_texts(difference.now)


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.PLAIN_SENTENCES.name: _plain_sentences,
}
