"""The sentences that the relay's leg writes for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

FAILED: Final = "The media relay failed. {problem}"
NOT_ENCRYPTED: Final = "It does not encrypt the audio."
"""Stands for `problem`, as the next one does."""
SILENT: Final = "It does not answer."
"""Stands for `problem`, a sentence, in the one above."""
