"""The sentences about workers, for the operator."""

from typing import Final

STANDS_BY: Final = "Worker {worker} waits until nobody else is it, and then goes on with its users. {why}"
TAKES_OVER: Final = "Worker {worker} takes over."
BEAT_FAILED: Final = "The log does not answer: {why}"
