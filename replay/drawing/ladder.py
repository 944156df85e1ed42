"""A call as a ladder diagram on a terminal: the messages between its participants, from top to bottom as they came.

Rules:

1. A line fits the width that is given, from 80 on. A label that is too long is cut, and stands whole below its line.
   Without a width nothing is cut. Hostile text stays on its line.
2. On the left of a message stand the seconds since the call began and those since the message before. On the right
   stand the phases of the call's legs after that step, and of its sessions at the relay where there is room.
3. Quiet messages (`label`) are dotted, or left out of a brief ladder. Clients are named if there are several.
4. The details of a message stand below it. A brief ladder has none.
"""

from collections.abc import Callable, Iterable, Iterator
from textwrap import wrap
from typing import Final, NamedTuple

from fargo.calls import CallName
from fargo.plain import plain
from replay.drawing import texts
from replay.drawing.label import Tone
from replay.drawing.messages import Message, Participant, messages, phases
from replay.drawing.text import clock
from replay.reading.steps import ReplayStep

Paint = Callable[[str, Tone], str]
"""Gives a text the looks of its tone."""

NARROWEST: Final = 80
_ROOMY: Final = 110
_WIDEST: Final = 400
_STEP: Final = 10
_SHARES: Final = {Participant.CLIENT: 0, Participant.GATEWAY: 5, Participant.SIP: 3, Participant.RELAY: 1}
"""The share of the width between each participant and the one to its left: Jingle has longer words than SIP, and
messages to the relay have the room of both.
"""


class _LadderLine(NamedTuple):
    """A message, and when it came: in seconds since the call began, and since the line before."""

    at: str
    later: str
    message: Message
    phases: str
    moved: bool
    """True if the phases differ from those of the line before."""


def ladder(
    steps: Iterable[ReplayStep],
    call: CallName,
    width: int | None = NARROWEST,
    brief: bool = False,
    paint: Paint = lambda text, _: text,
) -> Iterator[str]:
    """Draw the steps of a call, in lines of this width, or as wide as they need if it is None. Yields nothing if there
    are no steps.
    """
    steps = list(steps)
    lines = list(_lines(steps, call.id, 2 if width and width < _ROOMY else None, brief))
    if not lines:
        return
    canvas = _canvas(lines, width, brief, paint)
    yield texts.TITLE.format(call=call, at=clock(steps[0].recorded.at))
    yield ""
    yield canvas.title()
    for line in lines:
        yield from canvas.drawn(line)


def _lines(steps: list[ReplayStep], call: str, legs: int | None, brief: bool) -> Iterator[_LadderLine]:
    """Yield the messages, each with the phases of the first legs, or of all if their number is None."""
    began, last, before = steps[0].recorded.at if steps else 0.0, 0.0, ""
    for step in steps:
        at, now = step.recorded.at - began, "/".join(phases(step.after, call)[:legs])
        for message in messages(step, call):
            if not (brief and message.label.tone is Tone.QUIET):
                yield _LadderLine(f"{at:.3f}", _later(at - last), message, now, now != before)
                last, before = at, now


def _canvas(lines: list[_LadderLine], width: int | None, brief: bool, paint: Paint) -> "_Canvas":
    """Return a canvas of a width, or the narrowest on which no label is cut."""
    if width is not None:
        return _Canvas(lines, max(width, NARROWEST), brief, paint)
    for wider in range(NARROWEST, _WIDEST, _STEP):
        canvas = _Canvas(lines, wider, brief, paint)
        if canvas.holds(lines):
            return canvas
    return _Canvas(lines, _WIDEST, brief, paint)


class _Canvas:
    """The places of everything on a line."""

    def __init__(self, lines: list[_LadderLine], width: int, brief: bool, paint: Paint) -> None:
        self._paint = paint
        self._brief = brief
        self._several = len({client for line in lines if "/" in (client := line.message.client or "")}) > 1
        self._at_width = max(len(texts.SECONDS), *(len(line.at) for line in lines))
        self._later_width = max(len(texts.LATER), *(len(line.later) for line in lines))
        self._indent = self._at_width + self._later_width + 2
        self._wide = width - self._indent
        self._room = self._wide - 2 - max(len(line.phases) for line in lines)
        relayed = any(Participant.RELAY in (line.message.source, line.message.target) for line in lines)
        self._places = self._placed([who for who in Participant if relayed or who is not Participant.RELAY])

    def _placed(self, participants: list[Participant]) -> dict[Participant, int]:
        """Return how far from the first each participant stands."""
        lanes, shares = self._room - len(participants), sum(_SHARES[who] for who in participants)
        places, place = {}, -1
        for who in participants:
            place += 1 + lanes * _SHARES[who] // shares
            places[who] = place
        return places

    def title(self) -> str:
        """Return the names of the participants, above where they stand."""
        names = ""
        for who, place in self._places.items():
            names = names.ljust(max(place - len(who) // 2, 0)) + who
        return f"{texts.SECONDS:>{self._at_width}} {texts.LATER:>{self._later_width}} {names}"

    def drawn(self, line: _LadderLine) -> Iterator[str]:
        """Yield the lines of a message; where nothing passed it is a sentence."""
        times = f"{line.at:>{self._at_width}} {line.later:>{self._later_width}} "
        source, target, label, *_ = line.message
        if source is target:
            first, *rest = wrap(plain(label.text), self._wide)
            yield times + self._paint(first, label.tone)
            yield from (" " * self._indent + self._paint(each, label.tone) for each in rest)
            return
        left, right = self._ends(line.message)
        whole = self._label(line.message)
        arrow = self._arrow(whole, label.tone, right - left - 1, self._places[source] < self._places[target])
        drawn = self._fence(0, left + 1) + self._paint(arrow, label.tone) + self._fence(right, self._room)
        yield f"{times}{drawn}  {self._paint(line.phases, Tone.PLAIN if line.moved else Tone.QUIET)}"
        if len(whole) > _room(left, right):
            yield from self._sentence(whole, Tone.QUIET)
        if label.details and not self._brief:
            yield from self._sentence(label.details, Tone.QUIET)

    def _sentence(self, text: str, tone: Tone) -> Iterator[str]:
        """Yield a text below a message, in lines of its own."""
        return (" " * self._indent + self._paint(each, tone) for each in wrap(plain(text), self._wide))

    def _fence(self, start: int, end: int) -> str:
        """Return the lifelines from one place to another, which no message crosses."""
        return "".join("│" if place in self._places.values() else " " for place in range(start, end))

    def holds(self, lines: list[_LadderLine]) -> bool:
        """Return True if the label of every line has room between its ends."""
        messages = [line.message for line in lines if line.message.source is not line.message.target]
        return all(len(self._label(each)) <= _room(*self._ends(each)) for each in messages)

    def _ends(self, message: Message) -> tuple[int, int]:
        """Return the places between which a message goes, from left to right."""
        left, right = sorted((self._places[message.source], self._places[message.target]))
        return left, right

    def _label(self, message: Message) -> str:
        label = plain(message.label.text)
        if self._several and (resource := (message.client or "").partition("/")[2]):
            return f"{label} ({plain(resource)})"
        return label

    def _arrow(self, label: str, tone: Tone, width: int, rightward: bool) -> str:
        if len(label) > width - 2:
            label = f"{label[: width - 3]}…"
        dash = "┄" if tone is Tone.QUIET else "─"
        shaft = (f" {label} " if len(label) < width - 4 else label).center(width - 1, dash)
        return f"{shaft}>" if rightward else f"<{shaft}"


def _room(left: int, right: int) -> int:
    """Return the length of a label that an arrow between these places has room for."""
    return right - left - 3


def _later(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds else ""
