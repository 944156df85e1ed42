"""Lines in ASCII, for terminals, fonts and issue trackers that have nothing else."""

from typing import Final

_ALIKE: Final = str.maketrans(
    {
        **{"│": "|", "─": "-", "┄": ".", "…": "...", "→": "->", "×": "x"},
        **{"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "\N{NO-BREAK SPACE}": " "},
    }
)


def in_ascii(line: str) -> str:
    """Return the line with characters of ASCII that look alike. Others are escaped, as in Python."""
    return line.translate(_ALIKE).encode("ascii", "backslashreplace").decode("ascii")
