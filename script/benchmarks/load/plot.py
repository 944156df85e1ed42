"""The figures of loads as a picture (SVG): the times until attempts are done, and what they cost, by rate."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from benchmarks.load.figures import MOST_MS, Figures, Times

_WIDTH, _HEIGHT = 720, 300
_LEFT, _TOP, _RIGHT, _BOTTOM = 60, 30, 130, 40
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000")
"""Colours that most people can tell apart (Okabe and Ito)."""
_PERCENTILES: Final[dict[str, Callable[[Times], float]]] = {
    "50 %": lambda each: each.p50,
    "95 %": lambda each: each.p95,
    "99 %": lambda each: each.p99,
}

Lines = dict[str, list[tuple[float, float]]]


def picture(runs: Sequence[Figures], title: str) -> str:
    """Return an SVG document with two diagrams, one below the other."""
    ordered = sorted(runs, key=lambda each: each.rate)
    times: Lines = {
        name: [(each.rate, of(each.done_ms)) for each in ordered if each.done_ms] for name, of in _PERCENTILES.items()
    }
    programs = dict.fromkeys(program for each in ordered for program in each.cpu_ms)
    costs: Lines = {program: [(each.rate, each.cpu_ms.get(program, 0.0)) for each in ordered] for program in programs}
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{2 * _HEIGHT + 30}" '
            'font-family="sans-serif" font-size="12">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
            _diagram(times, 30, "milliseconds until done", MOST_MS),
            _diagram(costs, 30 + _HEIGHT, "processor time for each, ms"),
            "</svg>\n",
        )
    )


def _diagram(lines: Lines, top: float, what: str, mark: float | None = None) -> str:
    """Return a diagram. `mark` is a value with a dashed line."""
    points = [point for line in lines.values() for point in line]
    most_x, most_y = (max((point[axis] for point in points), default=0.0) * 1.05 or 1.0 for axis in (0, 1))
    bottom, right = top + _HEIGHT - _BOTTOM, _WIDTH - _RIGHT

    def x(value: float) -> float:
        return round(_LEFT + value / most_x * (right - _LEFT), 1)

    def y(value: float) -> float:
        return round(bottom - value / most_y * (bottom - top - _TOP), 1)

    drawn = [
        f'<text x="{_LEFT}" y="{top + 18}">{escape(what)}</text>',
        f'<path d="M{_LEFT},{top + _TOP} V{bottom} H{right}" fill="none" stroke="black"/>',
        f'<text x="{right}" y="{bottom + 32}" text-anchor="end">attempts a second</text>',
    ]
    for value in _ticks(most_x):
        drawn.append(f'<text x="{x(value)}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>')
    for value in _ticks(most_y):
        drawn.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{value:g}</text>')
        drawn.append(f'<path d="M{_LEFT},{y(value)} H{right}" stroke="#dddddd"/>')
    if mark is not None and mark <= most_y:
        drawn.append(f'<path d="M{_LEFT},{y(mark)} H{right}" stroke="black" stroke-dasharray="4 4"/>')
    for place, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        path = " ".join(f"{x(rate)},{y(value)}" for rate, value in line)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x(rate)}" cy="{y(value)}" r="3" fill="{colour}"/>' for rate, value in line]
        drawn.append(f'<text x="{right + 10}" y="{top + _TOP + 16 * place}" fill="{colour}">{escape(name)}</text>')
    return "\n".join(drawn)


def _ticks(most: float) -> list[float]:
    """Return up to ten round values from 0 to this one."""
    step = 10.0 ** len(f"{int(most)}") if most >= 1 else 1.0
    while most / step < 4:
        step /= 2 if f"{step:g}".startswith(("1", "2")) else 2.5
    return [step * each for each in range(int(most / step) + 1)]
