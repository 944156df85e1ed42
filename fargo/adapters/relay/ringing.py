"""The ringing tone, as the relay is given it to play: that of most of Europe (ETSI TR 101 041-2), one second of 425 Hz
and four of silence, as a WAV file. The relay repeats it, and translates it to the client's codec.
"""

import io
import wave
from functools import cache
from math import pi, sin
from typing import Final

_HERTZ: Final = 425
_RATE: Final = 4000
"""Samples a second, of one byte each: enough for the tone, and all of it fits into one request to the relay."""
_TONE_SECONDS, _PAUSE_SECONDS = 1, 4
_MIDDLE, _LOUDNESS = 128, 40


@cache
def ringing_tone() -> bytes:
    """Return the WAV file."""
    period = (_MIDDLE + round(_LOUDNESS * sin(2 * pi * _HERTZ * each / _RATE)) for each in range(_RATE))
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(1)
        written.setframerate(_RATE)
        written.writeframes(bytes(period) * _TONE_SECONDS + bytes([_MIDDLE]) * _RATE * _PAUSE_SECONDS)
    return file.getvalue()
