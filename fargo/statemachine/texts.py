"""The sentences that the root of the core writes for people."""

from typing import Final

FAULT: Final = "The gateway made a mistake; it has been written down."
FAULT_IN_CALL: Final = "The gateway made a mistake in this call; it has been written down."
