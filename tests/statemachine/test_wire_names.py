"""Every logged value writes its wire name out, and no name is used twice."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from msgspec import Struct

import fargo.statemachine
from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.wire import wire_name

CORE = Path(fargo.statemachine.__file__).parent


def members(hint: Any, seen: set[type[Struct]]) -> Iterator[type[Struct]]:
    """Every Struct that can stand in a value of this type, each once."""
    if get_origin(hint) is not None or get_args(hint):
        for part in get_args(hint):
            yield from members(part, seen)
    elif isinstance(hint, type) and issubclass(hint, Struct) and hint not in seen:
        seen.add(hint)
        yield hint
        for part in get_type_hints(hint).values():
            yield from members(part, seen)


LOGGED = list(members(Event | Command, set()))
TAGGED = [kind for kind in LOGGED if kind.__struct_config__.tag is not None]


def class_statements() -> dict[tuple[str, str], ast.ClassDef]:
    return {
        (".".join(("fargo", *path.relative_to(CORE.parent).with_suffix("").parts)), node.name): node
        for path in CORE.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    }


STATEMENTS = class_statements()


def test_events_and_commands_are_all_tagged() -> None:
    assert {*get_args(Event), *get_args(Command)} <= set(TAGGED)


@pytest.mark.parametrize("kind", TAGGED, ids=lambda kind: kind.__name__)
def test_a_tag_is_written_out(kind: type[Struct]) -> None:
    keywords = {each.arg: each.value for each in STATEMENTS[kind.__module__, kind.__name__].keywords}
    tag = keywords.get("tag")
    assert isinstance(tag, ast.Constant), f"{kind.__name__} derives its tag"
    assert wire_name(kind) == tag.value


def test_no_tag_is_used_twice() -> None:
    assert [tag for tag, times in Counter(map(wire_name, TAGGED)).items() if times > 1] == []


def test_a_struct_without_a_tag_has_no_wire_name() -> None:
    class Untagged(Struct):
        pass

    with pytest.raises(TypeError, match="Untagged has no tag"):
        wire_name(Untagged)
