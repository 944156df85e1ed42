"""Who may import whom: the rooms' order, held against the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = "fargo.statemachine"

# What the core may use besides itself: nothing that could tell the time, throw dice or touch the world.
PURE = {
    *("collections", "dataclasses", "datetime", "enum", "functools", "ipaddress", "itertools", "msgspec", "re"),
    *("stringprep", "typing", "unicodedata"),
}

# Each room with the rooms it may import, besides itself. A room is a package or a module; the longest name counts.
MAY = {
    "fargo": set(),
    CORE: set(),
    "fargo.processes": {"fargo.texts"},
    "fargo.supervisor": {"fargo.processes", "fargo.texts"},
    "fargo.adapters": set(),
    "fargo.adapters.xmpp": {CORE},
    "fargo.adapters.telepathy": {CORE, "fargo.processes", "fargo.supervisor"},
    "fargo.adapters.relay": {CORE},
    "fargo.edge": {"fargo.processes"},
    "fargo.store": {CORE},
    "fargo.engine": {CORE, "fargo.store"},
    "fargo.texts": set(),
    "fargo.config": {"fargo.texts"},
    "fargo.preflight": {"fargo.config", "fargo.texts"},
    "fargo.daemon": {
        *(CORE, "fargo.adapters.xmpp", "fargo.adapters.telepathy", "fargo.adapters.relay", "fargo.config"),
        *("fargo.edge", "fargo.engine", "fargo.processes", "fargo.store", "fargo.supervisor", "fargo.texts"),
    },
    "fargo.__main__": {"fargo.cli"},
    "fargo.cli": {
        *(CORE, "fargo", "fargo.config", "fargo.preflight", "fargo.daemon", "fargo.store"),
        *("replay", "replay.drawing", "replay.exporting", "replay.page", "replay.reading", "replay.server"),
        "replay.verifying",
    },
    "replay": set(),
    "replay.reading": {CORE, "fargo.store"},
    "replay.verifying": {CORE, "fargo.store", "replay.drawing", "replay.reading"},
    "replay.drawing": {CORE, "fargo.store", "replay.reading"},
    "replay.exporting": {CORE, "fargo.store", "replay.reading"},
    "replay.page": {CORE, "fargo.store", "replay.drawing", "replay.reading"},
    "replay.server": {CORE, "fargo.store", "replay.drawing", "replay.page", "replay.reading"},
}

# Telepathy's words stand in its leg and its adapter; the core's root, and where calls come in, know the leg, and the
# unions name every member.
KNOW_TELEPATHY = {
    *(f"{CORE}.{name}" for name in ("legs.telepathy", "faults", "machine", "incoming")),
    *(f"{CORE}.model.{name}" for name in ("call1", "events", "commands")),
    "fargo.adapters.telepathy",
    "replay.drawing.sip",
    "replay.reading.channels",  # what its events and commands are in SIP's words
}


def sources() -> list[Path]:
    return [path for top in ("fargo", "replay") for path in sorted((ROOT / top).rglob("*.py"))]


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module, or name in a module, that is imported anywhere in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(name: str, rooms: set[str]) -> str:
    """The room that a module or a name in it belongs to; "" if none."""
    return max((room for room in rooms if name == room or name.startswith(room + ".")), key=len, default="")


@pytest.mark.parametrize("path", sources(), ids=module)
def test_imports_keep_the_order_of_the_rooms(path: Path) -> None:
    here = is_in(module(path), set(MAY))
    wrong = {
        name for name in imports(path) if (there := is_in(name, set(MAY))) and there != here and there not in MAY[here]
    }
    assert not wrong, f"{here} must not import {wrong}"


@pytest.mark.parametrize("path", sorted((ROOT / "fargo/statemachine").rglob("*.py")), ids=module)
def test_the_core_is_pure(path: Path) -> None:
    foreign = {name for name in imports(path) if name.partition(".")[0] not in PURE and not is_in(name, {CORE})}
    assert not foreign


@pytest.mark.parametrize("path", sources(), ids=module)
def test_telepathys_words_stay_in_its_rooms(path: Path) -> None:
    if not is_in(module(path), KNOW_TELEPATHY):
        assert not [name for name in imports(path) if is_in(name, {f"{CORE}.model.call1"})]


def test_every_room_exists() -> None:
    """A rule about a room that is gone would hold nothing."""
    modules = {module(path) for path in sources()}
    assert set(MAY) <= modules
    assert {room for room in KNOW_TELEPATHY if room not in modules} == set()
