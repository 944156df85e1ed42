"""The sentences that the relay's leg writes for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

FAILED: Final = "The media relay failed: {problem}"
SILENT: Final = "it does not answer."
"""Stands for `problem` in the one above."""
