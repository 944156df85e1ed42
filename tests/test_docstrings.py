"""A docstring says what a thing is or does. One that begins with a question word says neither."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUESTION = re.compile(r"(what|which|who|whom|whose|how|when|where|why|whether)\b", re.IGNORECASE)
FOLDERS = ("fargo", "replay", "script", "tests")


def modules(folder: Path) -> Iterator[Path]:
    """Yield the modules below a folder. Those of others, thousands of files, are not even looked for."""
    for each in folder.iterdir():
        if each.is_dir() and each.name != "node_modules":
            yield from modules(each)
        elif each.suffix == ".py":
            yield each


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every string of a module that stands by itself, with its line: those of functions and classes, and those
    below names.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


@pytest.mark.parametrize("folder", FOLDERS)
def test_none_begins_with_a_question_word(folder: str) -> None:
    asking = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted(modules(ROOT / folder))
        for line, text in docstrings(path)
        if QUESTION.match(text)
    ]
    assert not asking, "\n".join(asking)
