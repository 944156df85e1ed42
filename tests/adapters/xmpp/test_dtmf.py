"""DTMF: which tones are read, and that an invalid one is not repeated."""

from contextlib import suppress

import pytest
from hypothesis import given
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import dtmf
from fargo.adapters.xmpp.stanza import MalformedError

from . import strategies
from .elements import NS_JINGLE, parse


def read(attributes: str, action: str = "session-info") -> dtmf.DtmfTone | dtmf.Release | None:
    payload = f"<dtmf xmlns='urn:xmpp:jingle:dtmf:0' {attributes}/>"
    return dtmf.read(parse(f"<jingle xmlns='{NS_JINGLE}' action='{action}' sid='s'>{payload}</jingle>"))


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_each_digit_is_read(digit: str) -> None:
    assert read(f"code='{digit}' volume='42'") == dtmf.DtmfTone(digit, None)
    assert read(f"code='{digit.lower()}' duration='100'") == dtmf.DtmfTone(digit, 100)


@pytest.mark.parametrize("attributes", ["", "code='E'", "code='12'", "code=''", "code='1' duration='60001'"])
def test_an_invalid_tone_is_not_repeated(attributes: str) -> None:
    with pytest.raises(MalformedError) as caught:
        read(attributes)
    assert str(caught.value).endswith(".")
    assert not {"E", "12"} & set(str(caught.value).replace("“", " ").split())


def test_a_key_that_is_pressed_and_released_is_one_tone() -> None:
    assert read("code='1' action='button-down'") == dtmf.DtmfTone("1", None)
    for attributes in ("code='1' action='button-up'", "action='button-up'"):
        assert read(attributes) == dtmf.Release()


def test_a_tone_is_read_from_a_session_info_only() -> None:
    assert read("code='1'", "session-terminate") is None


def test_the_repr_of_a_tone_hides_its_digit() -> None:
    assert "7" not in repr(dtmf.DtmfTone("7", 0))


@given(strategies.junk)
def test_junk_never_raises_anything_else(element: Element) -> None:
    with suppress(MalformedError):
        dtmf.read(parse(element.toXml()))
