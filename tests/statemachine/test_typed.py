"""The check of all stories: each kind of type with a value that is of it, and one that is not."""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Any, Literal

import msgspec
import pytest

from .typed import check


class Colour(Enum):
    RED = 1


class Status(IntEnum):
    RINGING = 180


class Leaf(msgspec.Struct, frozen=True):
    number: int


class Tree(msgspec.Struct, frozen=True):
    branches: "tuple[Tree, ...]" = ()
    leaf: Leaf | None = None
    names: Mapping[str, Leaf | int] = {}


RIGHT: list[tuple[object, Any]] = [
    (1, int),
    (Status.RINGING, int),
    ("a", str),
    (0.5, float),
    (True, bool),
    (None, int | None),
    (1, str | int),
    (Colour.RED, Colour),
    ("a", Literal["a", "b"]),
    ((1, 2), tuple[int, ...]),
    (("a",), tuple[str, ...] | None),
    (Tree((Tree(), Tree(leaf=Leaf(1))), None, {"a": Leaf(2), "b": 3}), Tree),
]
WRONG: list[tuple[Any, Any, str]] = [
    (True, int, ": True is no <class 'int'>"),
    (1, float, ": 1 is no <class 'float'>"),
    (1, bool, ": 1 is no <class 'bool'>"),
    (1, Colour, ": 1 is no <enum 'Colour'>"),
    (None, str | int, ": None is no str | int"),
    ("c", Literal["a", "b"], ": 'c' is no typing.Literal['a', 'b']"),
    ([1], tuple[int, ...], ": [1] is no tuple[int, ...]"),
    ((1, "a"), tuple[int, ...], "[1]: 'a' is no <class 'int'>"),
    (Leaf(1), Tree, f": Leaf(number=1) is no {Tree}"),
    (Tree((Tree(("a",)),)), Tree, f".branches[0].branches[0]: 'a' is no {Tree}"),  # type: ignore[arg-type] # on purpose
    (Tree(leaf=Leaf("a")), Tree, f".leaf: Leaf(number='a') is no {Leaf | None}"),  # type: ignore[arg-type] # on purpose
    (Tree(names={1: 2}), Tree, ".names[1]: 1 is no <class 'str'>"),  # type: ignore[dict-item] # on purpose
    (Tree(names={"a": 0.5}), Tree, f".names[a]: 0.5 is no {Leaf | int}"),  # type: ignore[dict-item] # on purpose
    (Tree(names=()), Tree, f".names: () is no {Mapping[str, Leaf | int]}"),  # type: ignore[arg-type] # on purpose
]


@pytest.mark.parametrize(("value", "hint"), RIGHT)
def test_what_is_of_its_type_passes(value: object, hint: Any) -> None:
    assert check(hint)(value) is None


@pytest.mark.parametrize(("value", "hint", "where"), WRONG)
def test_what_is_not_is_told_with_its_place(value: object, hint: Any, where: str) -> None:
    assert check(hint)(value) == where
