"""The names of classes and type aliases: no public one is defined in two modules, where it would mean two things."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def types(source: str) -> Iterator[str]:
    """Yield the names of the classes and type aliases that a module defines, without the private ones."""
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")) if name[0] != "_":
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp()) if is_class_name(name):
                yield name


def is_class_name(name: str) -> bool:
    """Return True if a name is written like that of a class, and not like that of a constant or a variable."""
    return name[0].isupper() and not name.isupper()


def test_types_are_found() -> None:
    source = "class A: pass\nclass _B: pass\nC: TypeAlias = A\n_D: TypeAlias = A\nEf = A | str\nGh = A | int\nIJ = 1"
    assert list(types(source)) == ["A", "C", "Ef", "Gh"]


def test_no_type_has_the_name_of_another() -> None:
    found = defaultdict(set)
    for path in (path for top in ("fargo", "replay") for path in (ROOT / top).rglob("*.py")):
        for name in types(path.read_text()):
            found[name].add(str(path.relative_to(ROOT)))
    assert {name: where for name, where in found.items() if len(where) > 1} == {}
