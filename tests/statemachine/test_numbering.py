"""Numbers as people write them: E.123, RFC 3966, and the numbering plans of countries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine import numbering, numbering_plans
from fargo.statemachine.numbering_plans import PLANS, TRUNKS

_BETWEEN = st.text(" -./()\u00a0\u202f\u2009\u2010\u2011\u2013\u200b\u202a\u202c\u3000\uff0d\t", max_size=3)
_SCRIPTS = ("0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९")


@st.composite
def _written(draw: st.DrawFn) -> tuple[str, str]:
    """A number, and a way of writing it."""
    number = draw(st.from_regex(r"(\+[1-9])?[0-9]{2,14}", fullmatch=True))
    script = draw(st.sampled_from(_SCRIPTS))
    signs = ["＋" if each == "+" and script != _SCRIPTS[0] else each for each in number]
    text = "".join(draw(_BETWEEN) + (script[int(each)] if each.isdigit() else each) for each in signs)
    return number, text + draw(_BETWEEN)


@given(_written())
def test_what_stands_between_digits_does_not_matter(number_and_text: tuple[str, str]) -> None:
    number, text = number_and_text
    # A 0 or a trunk prefix in brackets behind a country code is the one thing that is left out.
    if "(" not in text and "（" not in text:
        assert numbering.digits(text) == numbering.digits(number)
    assert numbering.digits(text) is not None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+44 1632 960000", "+441632960000"),
        ("+44 (0)1632 960000", "+441632960000"),
        ("+44(0) 1632/960000", "+441632960000"),
        ("+44 ( 0 ) 1632 960000", "+441632960000"),
        ("+44 01632 960000", "+441632960000"),
        ("+44 (01632) 960000", "+441632960000"),
        ("0044 (0)1632 960000", "00441632960000"),
        ("(0)1632 960000", "01632960000"),
        ("(01632) 960-000", "01632960000"),
        ("+49.30.123456", "+4930123456"),
        ("+39 06 1234567", "+39061234567"),
        ("+39 (0)6 1234567", "+39061234567"),
        ("+7 (8) 495 123-45-67", "+74951234567"),
        ("+7 812 123-45-67", "+78121234567"),
        ("+36 (06) 1 234 567", "+361234567"),
        ("+1 (212) 555\u20111234", "+12125551234"),
        ("\u202a+1 212 555 1234\u202c", "+12125551234"),
        ("1-1-2", "112"),
        ("*97", "*97"),
        ("*31#01632 960000", "*31#01632960000"),
        ("*31#+44 1632 960000", "*31#+441632960000"),
        ("＊９７＃", "*97#"),
    ],
)
def test_a_number_is_read(text: str, number: str) -> None:
    assert numbering.digits(text) == number


@pytest.mark.parametrize("text", ["", "+", "()", "***", "bob", "bob1", "1bob", "1+1", "++1", "+44 1632 x", "1,2", "²"])
def test_anything_else_is_no_number(text: str) -> None:
    assert numbering.digits(text) is None


@pytest.mark.parametrize(
    ("country", "number", "known"),
    [
        ("GB", "01632960000", "+441632960000"),
        ("GB", "00441632960000", "+441632960000"),
        ("GB", "004401632960000", "+441632960000"),
        ("GB", "441632960000", "+441632960000"),
        ("GB", "004930123456", "+4930123456"),
        ("GB", "+33123456789", "+33123456789"),
        ("GB", "112", "112"),
        ("GB", "9901", "9901"),
        ("GB", "960000", "960000"),
        ("GB", "0", "0"),
        ("GB", "00", "00"),
        ("GB", "0012", "0012"),
        ("GB", "*31#01632960000", "*31#01632960000"),
        ("DE", "030123456", "+4930123456"),
        ("DE", "4912345", "4912345"),
        ("US", "2125551234", "+12125551234"),
        ("US", "12125551234", "+12125551234"),
        ("US", "011441632960000", "+441632960000"),
        ("US", "5551234", "5551234"),
        ("US", "911", "911"),
        ("AU", "0011441632960000", "+441632960000"),
        ("AU", "000", "000"),
        ("RU", "84951234567", "+74951234567"),
        ("RU", "810441632960000", "+441632960000"),
        ("BY", "80172123456", "+375172123456"),
        ("HU", "0611234567", "+3611234567"),
        ("DK", "12345678", "+4512345678"),
        ("DK", "4512345678", "+4512345678"),
        ("IT", "0612345678", "+390612345678"),
        ("IT", "3931234567", "+393931234567"),
        ("JP", "010441632960000", "+441632960000"),
        ("AC", "002000000", "002000000"),
        (None, "01632960000", "01632960000"),
        (None, "00441632960000", "00441632960000"),
    ],
)
def test_a_number_gets_its_country_code_where_it_is_known(country: str | None, number: str, known: str) -> None:
    assert numbering.complete(number, country) == known


@given(st.sampled_from(sorted(PLANS)), st.from_regex(r"[0-9]{1,18}", fullmatch=True))
def test_a_number_has_one_form(country: str, number: str) -> None:
    known = numbering.complete(number, country)
    assert numbering.complete(known, country) == known
    assert numbering.digits(known) == known
    if known != number:
        assert numbering.is_global(known)
        assert 7 <= len(known) - 1 <= 15
        assert numbering.key(known, country) == numbering.key(number, country)


@given(st.sampled_from(sorted(PLANS)), st.from_regex(r"[1-9][0-9]{8,9}", fullmatch=True))
def test_every_way_to_dial_a_number_leads_to_it(country: str, national: str) -> None:
    plan = PLANS[country]
    number = f"+{plan.code}{national}"
    for prefix in plan.international:
        dialled = f"{prefix}{plan.code}{national}"
        # In Cambodia 00 and the country's own code begin like 008, which is a prefix too.
        if prefix == next(filter(dialled.startswith, plan.international)):
            assert numbering.complete(dialled, country) == number
    if plan.trunk and not f"{plan.trunk}{national}".startswith(plan.international):
        assert numbering.complete(plan.trunk + national, country) == number


def test_the_plans_are_well_formed() -> None:
    assert len(PLANS) > 240
    for country, plan in PLANS.items():
        assert len(country) == 2
        assert country.isupper()
        assert 1 <= len(plan.code) <= 3
        assert not plan.code.startswith("0")
        assert TRUNKS[plan.code] == plan.trunk, "countries that share a code share its trunk prefix"
        assert all(each.isdecimal() for each in (plan.trunk or "0", *plan.international))
    codes = set(TRUNKS)
    assert not any(code[:length] in codes for code in codes for length in range(1, len(code))), "no code begins another"


@pytest.mark.parametrize(("text", "country"), [("gb", "GB"), (" De ", "DE"), ("uk", "GB"), ("XX", None), ("", None)])
def test_countries_are_named_by_their_codes(text: str, country: str | None) -> None:
    assert numbering_plans.country(text) == country


@pytest.mark.parametrize(
    ("country", "one", "other"),
    [
        (None, "+441632960000", "441632960000"),
        (None, "+441632960000", "00441632960000"),
        ("GB", "01632960000", "441632960000"),
        ("GB", "+441632960000", "01632960000"),
        ("US", "2125551234", "+12125551234"),
    ],
)
def test_spellings_of_a_number_are_the_same(country: str | None, one: str, other: str) -> None:
    assert numbering.key(one, country) == numbering.key(other, country)


@pytest.mark.parametrize(("one", "other"), [("112", "+112x"), ("01632960000", "+441632960000"), ("9901", "99011")])
def test_numbers_that_may_be_others_are_not_the_same(one: str, other: str) -> None:
    assert numbering.key(one, None) != numbering.key(other, None)
