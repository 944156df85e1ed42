"""The tables of sentences: each text is used, and each template gets the values that it names."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import fargo.adapters

TABLES = sorted(Path(fargo.adapters.__file__).parent.glob("*/texts.py"))


def templates(table: Path) -> dict[str, set[str]]:
    """The texts of a table, with the names in braces of each."""
    found = {}
    for node in ast.parse(table.read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            text = ast.literal_eval(node.value)
            found[node.target.id] = {name for _, name, _, _ in Formatter().parse(text) if name}
    return found


def uses(package: Path) -> Iterator[tuple[str, set[str]]]:
    """Each use of a text in a package, with the names of the values that it is given."""
    for path in package.glob("*.py"):
        given: dict[ast.AST, set[str]] = {}
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                keywords = {keyword.arg for keyword in node.keywords if keyword.arg}
                match node.func:
                    case ast.Attribute(value, "format"):
                        texts = [value]
                    case _:
                        texts = node.args
                given |= dict.fromkeys(texts, keywords)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "texts":
                yield node.attr, given.get(node, set())


def test_there_are_tables() -> None:
    assert {table.parent.name for table in TABLES} >= {"relay", "telepathy", "xmpp"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.parent.name)
def test_every_text_is_used_with_the_values_that_it_names(table: Path) -> None:
    wanted, used = templates(table), list(uses(table.parent))
    assert set(wanted) == {name for name, _ in used}
    assert [name for name, given in used if not wanted[name] <= given] == []
