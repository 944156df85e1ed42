"""Numbers that are examples can be dialled as they are written."""

import pytest

from fargo.statemachine import numbering, numbering_examples
from fargo.statemachine.numbering_plans import PLANS


@pytest.mark.parametrize("country", ["AU", "CA", "DE", "FR", "GB", "GG", "IE", "IM", "JE", "SE", "US"])
def test_an_example_is_a_number_of_its_country(country: str) -> None:
    written = numbering_examples.national(country)
    assert written == numbering_examples.example(country)
    number = numbering.digits(written or "")
    assert number
    assert numbering.complete(number, country).startswith(f"+{PLANS[country].code}")
    assert numbering.complete(number, None) == number


@pytest.mark.parametrize("country", [None, "CH"])
def test_a_country_without_any_has_the_international_one(country: str | None) -> None:
    assert numbering.digits(numbering_examples.example(country)) == "+441632960000"
    assert numbering_examples.national(country or "CH") is None
