"""A call as a ladder on a terminal: what passed between its posts, from top to bottom as it came.

Rules:

1. A line fits the width that is given, from 80 on; a label that is too long is cut. Hostile text stays on its line.
2. Left of a rung stand the seconds since the call began and those since the rung before; right of it the phases of the
   call's legs after that step, and of the relay's sessions where there is room.
3. What is quiet (see `said`) is dotted, or left out if a brief ladder is wanted. Clients are named if there are
   several.
"""

from collections.abc import Callable, Iterable, Iterator
from textwrap import wrap
from typing import Final, NamedTuple

from replay.drawing.label import Tone
from replay.drawing.messages import Post, Rung, Rungs, phases
from replay.drawing.record_text import plain
from replay.drawing.text import clock
from replay.reading.call_name import CallName
from replay.reading.steps import Step

Paint = Callable[[str, Tone], str]
"""Gives a text the looks of its tone."""

NARROWEST: Final = 80
_ROOMY: Final = 110
_SHARES: Final = {Post.CLIENT: 0, Post.GATEWAY: 5, Post.SIP: 3, Post.RELAY: 1}
"""How the width is shared out between each post and the one to its left: Jingle has longer words than SIP, and what
goes to the relay has the room of both.
"""


class _Line(NamedTuple):
    """A rung when and where it is; the times in seconds since the call began, and since the line before."""

    at: str
    later: str
    rung: Rung
    phases: str
    moved: bool
    """Whether the phases are others than on the line before."""


def ladder(
    steps: Iterable[Step],
    call: CallName,
    width: int = NARROWEST,
    brief: bool = False,
    paint: Paint = lambda text, _: text,
) -> Iterator[str]:
    """The steps of a call, drawn so many characters wide; nothing if there are none."""
    steps = list(steps)
    lines = list(_lines(steps, call.id, 2 if width < _ROOMY else None, brief))
    if not lines:
        return
    sheet = _Sheet(lines, max(width, NARROWEST), paint)
    yield f"{call}  {clock(steps[0].recorded.at)} UTC"
    yield ""
    yield sheet.title()
    for line in lines:
        yield from sheet.drawn(line)


def _lines(steps: list[Step], call: str, legs: int | None, brief: bool) -> Iterator[_Line]:
    """The rungs, with the phases of so many legs."""
    rungs, began, last, before = Rungs(call), steps[0].recorded.at if steps else 0.0, 0.0, ""
    for step in steps:
        at, now = step.recorded.at - began, "/".join(phases(step.after.calls.get(call))[:legs])
        for rung in rungs.of(step):
            if not (brief and rung.said.tone is Tone.QUIET):
                yield _Line(f"{at:.3f}", _later(at - last), rung, now, now != before)
                last, before = at, now


class _Sheet:
    """Where everything is on a line."""

    def __init__(self, lines: list[_Line], width: int, paint: Paint) -> None:
        self._paint = paint
        self._several = len({line.rung.client for line in lines if "/" in line.rung.client}) > 1
        self._at_width = max(len("seconds"), *(len(line.at) for line in lines))
        self._later_width = max(len("later"), *(len(line.later) for line in lines))
        self._indent = self._at_width + self._later_width + 2
        self._wide = width - self._indent
        self._room = self._wide - 2 - max(len(line.phases) for line in lines)
        relayed = any(Post.RELAY in line.rung[:2] for line in lines)
        self._posts = self._placed([post for post in Post if relayed or post is not Post.RELAY])

    def _placed(self, posts: list[Post]) -> dict[Post, int]:
        """How far from the first each post stands."""
        lanes, shares = self._room - len(posts), sum(_SHARES[post] for post in posts)
        places, place = {}, -1
        for post in posts:
            place += 1 + lanes * _SHARES[post] // shares
            places[post] = place
        return places

    def title(self) -> str:
        """The posts' names, above where they stand."""
        names = ""
        for post, place in self._posts.items():
            names = names.ljust(max(place - len(post) // 2, 0)) + post
        return f"{'seconds':>{self._at_width}} {'later':>{self._later_width}} {names}"

    def drawn(self, line: _Line) -> Iterator[str]:
        """The rung; what passed between no two posts is a sentence."""
        times = f"{line.at:>{self._at_width}} {line.later:>{self._later_width}} "
        start, end, said, *_ = line.rung
        if start is end:
            first, *rest = wrap(plain(said.label), self._wide)
            yield times + self._paint(first, said.tone)
            yield from (" " * self._indent + self._paint(each, said.tone) for each in rest)
            return
        left, right = sorted((self._posts[start], self._posts[end]))
        arrow = self._arrow(line.rung, right - left - 1, self._posts[start] < self._posts[end])
        drawn = self._fence(0, left + 1) + self._paint(arrow, said.tone) + self._fence(right, self._room)
        yield f"{times}{drawn}  {self._paint(line.phases, Tone.PLAIN if line.moved else Tone.QUIET)}"

    def _fence(self, start: int, end: int) -> str:
        """The posts that nothing passes, from a place to another."""
        return "".join("│" if place in self._posts.values() else " " for place in range(start, end))

    def _arrow(self, rung: Rung, width: int, rightward: bool) -> str:
        label = plain(rung.said.label)
        if self._several and (resource := rung.client.partition("/")[2]):
            label = f"{label} ({plain(resource)})"
        if len(label) > width - 2:
            label = f"{label[: width - 3]}…"
        dash = "┄" if rung.said.tone is Tone.QUIET else "─"
        shaft = (f" {label} " if len(label) < width - 4 else label).center(width - 1, dash)
        return f"{shaft}>" if rightward else f"<{shaft}"


def _later(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds else ""
