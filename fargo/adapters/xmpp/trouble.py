"""The trouble that keeps the stream from being open, as the operator is told of it.

Rules:

1. A trouble is told at once when it begins, or when it becomes another one.
2. One that lasts is told again after REPEAT_SECONDS at the earliest, so that it can be found in a log of today, and
   does not fill it.
3. Once the stream is open, it is over: the same trouble is told anew.
"""

from collections.abc import Callable
from typing import Final

REPEAT_SECONDS: Final = 1800.0


class Trouble:
    """Tells a trouble by `tell`, with a sentence, and whether it is hopeless (`refusals`). ``seconds``: a clock that is
    not set.
    """

    def __init__(self, tell: Callable[[str, bool], None], seconds: Callable[[], float]) -> None:
        self._tell = tell
        self._seconds = seconds
        self.sentence = ""
        """The trouble that keeps the stream from being open, "" if none is known."""
        self._told_at = 0.0

    def met(self, sentence: str, hopeless: bool = False) -> None:
        """Note that the stream cannot be opened, or is lost, because of this."""
        now = self._seconds()
        if sentence != self.sentence or now - self._told_at >= REPEAT_SECONDS:
            self.sentence, self._told_at = sentence, now
            self._tell(sentence, hopeless)

    def over(self) -> None:
        """Note that the stream is open."""
        self.sentence = ""
