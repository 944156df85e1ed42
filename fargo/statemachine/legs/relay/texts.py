"""The sentences that the relay's leg writes for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

FAILED: Final = "The media relay failed. {problem}"
UNASKED: Final = "The audio of the call cannot be described to the media relay. {problem}"
NOT_ENCRYPTED: Final = "It does not encrypt the audio."
"""Stands for `problem`, as the next two do."""
SESSION_LOST: Final = "It has lost the call."
SILENT: Final = "It does not answer."
"""A sentence, as the two above are."""
