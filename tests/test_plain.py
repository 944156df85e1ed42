"""No output obeys what came from outside: the characters that `fargo.plain` lets through."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from security.hostile import is_obeyed

from fargo.plain import plain, plain_json

hostile = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("\x1b\x07\x9b\r\n\u202e\u2066\ufeff"))
)


@given(hostile)
def test_nothing_is_obeyed(text: str) -> None:
    told = plain(text)
    assert not any(map(is_obeyed, told))
    assert len(told) == len(text)
    assert all(new == old or new == "?" for new, old in zip(told, text, strict=True))
    assert plain(told) == told
    told.encode()


def test_every_character_of_unicode() -> None:
    every = "".join(map(chr, range(0x110000)))
    assert [c for c in plain(every) if is_obeyed(c)] == []


@given(st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))))
def test_what_people_write_stays(text: str) -> None:
    assert plain(text) == text


def test_joiners_and_what_is_kept_stay() -> None:
    assert plain("\U0001f469\u200d\U0001f4bb می‌خواهم") == "\U0001f469\u200d\U0001f4bb می‌خواهم"
    assert plain("one\ntwo\x1b\r\n", kept="\n") == "one\ntwo??\n"
    assert plain("\x00a", mark="�") == "�a"


@given(
    st.recursive(
        hostile.filter(lambda text: text.isascii() or text.encode("utf-8", "ignore").decode() == text), st.lists
    )
)
def test_json_means_the_same(value: object) -> None:
    made = plain_json(msgspec.json.format(msgspec.json.encode(value)))
    assert json.loads(made) == value
    assert not any(is_obeyed(c) for c in made if c != "\n")
