"""Telephone numbers that are examples, as the people of a country write them.

Rule: an example is a number that nobody has, as its country reserves it for films and books, so that nobody is called
by who tries it: in GB by Ofcom (numbers for TV and radio drama use), in the US and CA 555-0100 to 0199 (NANPA), in DE
by the Bundesnetzagentur (notice 148/2021), in FR by ARCEP, in AU by the ACMA, in IE by ComReg, in SE by the PTS.
Countries without such numbers have no example of their own.
"""

from typing import Final

ABROAD: Final = "+44 1632 960000"
"""The example for whom nothing is known of their country, or for a country without one."""
_OF_GB: Final = "01632 960000"
_NATIONAL: Final = {
    "AU": "0491 570 006",
    "CA": "(416) 555-0123",
    "DE": "030 23125000",
    "FR": "01 99 00 12 34",
    "GB": _OF_GB,
    "GG": _OF_GB,
    "IE": "020 910 1234",
    "IM": _OF_GB,
    "JE": _OF_GB,
    "SE": "08-465 004 00",
    "US": "(212) 555-0123",
}
"""By ISO 3166 code."""


def example(country: str | None) -> str:
    """Return a number as people write it who dial in a country (`numbering_plans.PLANS`)."""
    return _NATIONAL.get(country or "", ABROAD)


def national(country: str) -> str | None:
    """Return a number as people write it within a country, None if there is no example."""
    return _NATIONAL.get(country)
