"""Find the tone at the end of a WAV file to which a program is still recording.

The header has the length only once the file is finished, so the size of the file counts. A file does not grow while
nothing is received, so a file that has not been written to for a while means silence.
"""

import asyncio
import math
import struct
import time
import wave
from collections.abc import Callable
from pathlib import Path

HEADER_BYTES = 44
RATE_AT = 24
LISTENED = 0.1  # seconds, for a resolution of 10 Hz
FRESH = 0.5  # seconds
STEP = 10
TOO_HIGH = 100  # hertz below what the rate can carry
QUIETEST = 200  # of 32767, root mean square
POLL_SECONDS = 0.1


def write_tone(path: Path, hertz: int, seconds: int = 60, rate: int = 8000) -> None:
    """Write a WAV file with a tone."""
    second = struct.pack(
        f"<{rate}h", *(round(10_000 * math.sin(2 * math.pi * hertz * each / rate)) for each in range(rate))
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(second * seconds)


async def hears(now: Callable[[], int], hertz: int, seconds: float = 20, within: int = 10) -> None:
    """Poll until this tone is received. Raises TimeoutError with the tones that were received instead."""
    heard: set[int] = set()
    try:
        async with asyncio.timeout(seconds):
            while abs((tone_now := now()) - hertz) > within:
                heard.add(tone_now)
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"did not hear {hertz} Hz within {seconds} s, but {sorted(heard)}") from None


def tone(path: Path, usual: int = 0) -> int:
    """Return the strongest frequency (Hz) in the last 0.1 s of a mono 16-bit WAV file, 0 for silence. ``usual``: the
    rate of a file whose program writes the header last.
    """
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return 0
        rate = struct.unpack_from("<I", header, RATE_AT)[0] or usual
        count = round(rate * LISTENED)
        state = path.stat()
        recorded = (state.st_size - HEADER_BYTES) // 2
        if recorded < count or time.time() - state.st_mtime > FRESH:
            return 0
        file.seek(HEADER_BYTES + 2 * (recorded - count))
        samples = struct.unpack(f"<{count}h", file.read(2 * count))
    return strongest(samples, rate)


def strongest(samples: tuple[int, ...], rate: int) -> int:
    """Return the strongest frequency in these samples, in hertz; 0 for silence."""
    if math.sqrt(sum(sample * sample for sample in samples) / len(samples)) < QUIETEST:
        return 0
    return max(range(STEP, rate // 2 - TOO_HIGH, STEP), key=lambda hertz: power(samples, hertz / rate))


def power(samples: tuple[int, ...], frequency: float) -> float:
    """Return the power of one frequency, in cycles per sample, in these samples (Goertzel's algorithm)."""
    coefficient = 2 * math.cos(2 * math.pi * frequency)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    return before * before + last * last - coefficient * before * last
