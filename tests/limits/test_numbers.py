"""The numbers that may be called: the operator's beginnings of numbers, in the words of toll fraud."""

import pytest

from fargo.limits.numbers import Numbers, is_allowed
from fargo.statemachine.dialling import dialled

PREMIUM = Numbers(refused=("+1900", "0900", "00"))
HOME = Numbers(allowed=("+44", "0"), refused=("+4490", "09"))


@pytest.mark.parametrize(
    ("local", "numbers", "allowed"),
    [
        ("+19001234567", Numbers(), True),
        ("+19001234567", PREMIUM, False),
        ("+1-900-123", PREMIUM, False),
        ("+1\\20(900)\\20123", PREMIUM, False),
        ("+1900123%elsewhere.test", PREMIUM, False),
        ("0900;phone-context=x", PREMIUM, False),
        ("+1900*1", PREMIUM, False),
        ("\uff0b\uff11\uff19\uff10\uff10\uff11", PREMIUM, False),
        ("+1212555", PREMIUM, True),
        ("alice", PREMIUM, True),
        ("+441632960000", HOME, True),
        ("+4490123", HOME, False),
        ("0163296", HOME, True),
        ("0990", HOME, False),
        ("+331", HOME, False),
        ("*21*+331#", HOME, False),
        ("~0900", HOME, False),
        ("bob%sip.test", HOME, True),
    ],
)
def test_the_longest_beginning_decides(local: str, numbers: Numbers, allowed: bool) -> None:
    assert is_allowed(dialled(f"{local}@sip.localhost"), numbers) is allowed
