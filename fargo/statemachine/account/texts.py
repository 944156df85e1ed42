"""The sentences that the SIP account writes for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

UNKNOWN_ENGINE: Final = "This gateway has no SIP engine “{engine}”. Register your SIP account again."
