"""A call as a sequence diagram in Mermaid's language, which issue trackers and wikis draw.

Rules:

1. The messages are those of the ladder, in their order; where nothing passed, the sentence is a note at the gateway.
2. Hostile text stays on its line: every character that means something to Mermaid or to HTML is an entity code.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from fargo.calls import CallName
from fargo.plain import plain
from replay.drawing.label import Tone
from replay.drawing.messages import Message, Participant, messages
from replay.reading.steps import ReplayStep

_NAMES: Final = {
    Participant.CLIENT: "client",
    Participant.GATEWAY: "gateway",
    Participant.SIP: "sip",
    Participant.RELAY: "relay",
}
_INDENT: Final = "    "
_PLAIN: Final = frozenset(" ,.:?!'()[]/@=_-+*")


def mermaid(steps: Iterable[ReplayStep], call: CallName, brief: bool = False) -> Iterator[str]:
    """Yield the lines of the diagram. Yields nothing if there are no steps."""
    drawn = [each for step in steps for each in messages(step, call.id)]
    if brief:
        drawn = [each for each in drawn if each.label.tone is not Tone.QUIET]
    if not drawn:
        return
    yield "sequenceDiagram"
    named = {who for each in drawn for who in (each.source, each.target)} | {Participant.CLIENT, Participant.SIP}
    yield from (f"{_INDENT}participant {name} as {who}" for who, name in _NAMES.items() if who in named)
    yield from (_INDENT + _line(each) for each in drawn)


def _line(message: Message) -> str:
    source, target, text = _NAMES[message.source], _NAMES[message.target], _escaped(plain(message.label.text))
    if source == target:
        return f"Note over {source}: {text}"
    arrow = "-->>" if message.label.tone is Tone.QUIET else "->>"
    return f"{source}{arrow}{target}: {text}"


def _escaped(text: str) -> str:
    return "".join(each if each.isalnum() or each in _PLAIN else f"#{ord(each)};" for each in text)
