"""The colour of a picture, which says whose picture it is: each end sends one of its own."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

Colour = tuple[int, int, int]
"""Red, green and blue, of 255."""
_ERROR: Final = 40  # of 255


def is_like(seen: Sequence[int], colour: Sequence[int]) -> bool:
    """Return True if two colours (red, green, blue) are about the same: codecs change them a little."""
    return all(abs(one - other) <= _ERROR for one, other in zip(seen, colour, strict=True))


def solid(picture: Path, colour: Colour) -> Path:
    """Write a picture of one colour, and return its file."""
    subprocess.run(("convert", "-size", "320x240", "xc:rgb({},{},{})".format(*colour), picture), check=True)
    return picture


def mean(picture: Path) -> tuple[int, ...] | None:
    """Return the mean colour of a picture in a file (red, green, blue); None if the file is not complete."""
    shrunk = subprocess.run(
        ("convert", picture, "-resize", "1x1!", "-depth", "8", "rgb:-"), check=False, capture_output=True, timeout=10
    )
    return tuple(shrunk.stdout[:3]) if shrunk.returncode == 0 else None


async def sees(
    now: Callable[[], Awaitable[Sequence[int] | None]],
    colour: Sequence[int],
    failure: Callable[[str], Exception],
    seconds: float,
) -> None:
    """Wait until the mean colour of what is shown is about this one. Raises a failure with those that were shown
    instead.
    """
    seen: list[object] = []
    try:
        async with asyncio.timeout(seconds):
            while not ((shown := await now()) and is_like(shown, colour)):
                seen.append(shown)
    except TimeoutError:
        raise failure(f"did not see {colour} within {seconds} s, but {seen[-3:]}") from None
