"""The tables of sentences: each text is used, and a template that is filled in where it is used gets its values."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

ROOT = Path(__file__).parents[1]
LOG_METHODS = {"critical", "debug", "error", "failure", "info", "warn"}
"""Methods of Twisted's logger, which fills in templates."""
TABLES = sorted(table for top in ("fargo", "replay") for table in (ROOT / top).rglob("texts.py"))


def templates(table: Path) -> dict[str, set[str]]:
    """Return the texts of a table, with the names in braces of each. A dict of texts has no such names."""
    found = {}
    for node in ast.parse(table.read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = str(node.value.value) if isinstance(node.value, ast.Constant) else ""
            found[node.target.id] = {name for _, name, _, _ in Formatter().parse(text) if name}
    return found


def uses(package: Path) -> Iterator[tuple[str, set[str] | None]]:
    """Yield each use of a text in a package, with the names of its values. None if it is filled in elsewhere."""
    for path in package.glob("*.py"):
        given: dict[ast.AST, set[str]] = {}
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                keywords = {keyword.arg for keyword in node.keywords if keyword.arg}
                if node.func.attr == "format":
                    given |= dict.fromkeys(choices(node.func.value), keywords)
                elif node.func.attr in LOG_METHODS and node.args:
                    given |= dict.fromkeys(choices(node.args[0]), keywords)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "texts":
                yield node.attr, given.get(node)


def choices(text: ast.expr) -> Iterator[ast.expr]:
    """Yield the texts between which an expression chooses: one, unless it is a conditional expression."""
    if isinstance(text, ast.IfExp):
        yield from choices(text.body)
        yield from choices(text.orelse)
    else:
        yield text


def test_there_are_tables() -> None:
    assert {table.parent.name for table in TABLES} >= {"fargo", "cli", "relay", "telepathy", "xmpp"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.parent.name)
def test_every_text_is_used_with_the_values_that_it_names(table: Path) -> None:
    wanted, used = templates(table), list(uses(table.parent))
    assert set(wanted) == {name for name, _ in used}
    assert [name for name, given in used if given is not None and not wanted[name] <= given] == []
