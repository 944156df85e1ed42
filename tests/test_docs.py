"""The documentation is correct as far as a test can tell: links, commands, and the tree of packages."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from fargo.config import load
from fargo.limits import providers
from fargo.statemachine.address import BadAddress, parse_account
from fargo.statemachine.model.events import Event, SipAccount
from fargo.statemachine.numbering_examples import ABROAD
from fargo.statemachine.self_service.texts import HELP

ROOT = Path(__file__).parents[1]
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING"))]
PAGES += sorted((ROOT / "docs").glob("*.md"))
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and Forgejo form them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        there = page.parent / path if path else page
        assert there.is_file(), link
        assert not anchor or anchor in anchors(there), link


PICTURES = sorted((ROOT / "docs").glob("*.png"))
MOST_BYTES = 60_000
BY_HAND = {"call-page.png"}
"""Pictures that no test takes."""


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small_and_on_a_page(picture: Path) -> None:
    assert picture.stat().st_size < MOST_BYTES
    assert any(f"{picture.name})" in page.read_text() for page in PAGES)


def test_tests_take_the_pictures() -> None:
    """If this fails, run script/pictures, or delete a picture."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests/end_to_end").glob("test_*.py"))
    taken = {f"{name}.png" for name in re.findall(r'pictures\.take\("([\w-]+)"', tests)}
    assert taken == {picture.name for picture in PICTURES} - BY_HAND


def test_every_page_is_in_the_readme() -> None:
    linked = set(re.findall(r"\]\(([^)#]+\.md)\)", README))
    assert {str(page.relative_to(ROOT)) for page in PAGES} - {"README.md"} == linked


CONFIGURATIONS = [
    (page.name, block)
    for page in PAGES
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.S)
    if "[xmpp]" in block
]


@pytest.mark.parametrize(("page", "shown"), CONFIGURATIONS, ids=[page for page, _ in CONFIGURATIONS])
def test_a_whole_configuration_is_right(page: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / "xmpp-secret").write_text("open sesame")
    (tmp_path / "fargo.toml").write_text(shown)
    load(tmp_path / "fargo.toml")


def tree() -> Iterator[str]:
    """Yield the folders in the page's tree of packages."""
    shown = re.search(r"## The packages\n\n(.*?)\n\n", ARCHITECTURE, re.S)
    assert shown
    above: list[str] = []
    for line in shown[1].splitlines():
        found = re.match(r"    ( *)(\S+/)(?: |$)", line)
        assert found, line
        indent, name = found.groups()
        above[len(indent) // 2 :] = [name]
        yield "".join(above)


def folders(top: str) -> set[str]:
    """Return all non-empty folders below this one, in the notation of the page."""
    files = [each for each in (ROOT / top).rglob("*") if each.is_file() and "__pycache__" not in each.parts]
    inside = {parent for each in files for parent in each.parents if parent.is_relative_to(ROOT / top)}
    return {f"{each.relative_to(ROOT)}/" for each in inside}


def test_the_tree_of_packages_is_true() -> None:
    told = set(tree())
    assert [each for each in told if not (ROOT / each).is_dir()] == []
    assert {each for top in ("fargo", "replay", "script") for each in folders(top)} - told == set()


def test_every_module_beside_the_packages_is_described() -> None:
    described = set(re.findall(r"`(\w+\.py)`", ARCHITECTURE))
    assert {each.name for each in (ROOT / "fargo").glob("[!_]*.py")} - described == set()


def test_every_folder_of_the_tests_is_described() -> None:
    described = set(re.findall(r"^\| `(tests/\w+)` \|", ARCHITECTURE, re.M))
    there = {f"tests/{each.parent.name}" for each in (ROOT / "tests").glob("*/test_*.py")}
    assert there | {"tests/adapters"} == described


PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]*)+|[\w-]+\.(?:cfg|md|py|toml)")
NEW = re.compile(r"[A-Z]+/$")
"""A folder that a contributor is about to make, in capitals."""


def named_paths() -> Iterator[str]:
    """Yield the paths in CONTRIBUTING.md. A path in a table may begin with the folder in the heading of its column."""
    headings: list[str] = []
    for line in CONTRIBUTING.splitlines():
        cells = line.strip("|").split(" | ") if line.startswith("|") else []
        above, headings = headings, (headings or cells) if cells else []
        for number, cell in enumerate(cells or [line]):
            folder = next(iter(paths_in(above[number])), "") if above else ""
            yield from (folder + each for each in paths_in(cell))


def paths_in(text: str) -> list[str]:
    return [each for each in re.findall(r"`([^` ]+)", text) if PATH.fullmatch(each)]


@pytest.mark.parametrize("path", sorted(set(named_paths())))
def test_a_path_that_contributors_are_told_exists(path: str) -> None:
    assert list(ROOT.glob(NEW.sub("", path))), path


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/providers.md"])
def test_a_test_that_readers_are_told_exists(page: str) -> None:
    told = set(re.findall(r"`(test_\w+)`", (ROOT / page).read_text()))
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert told
    assert told - set(re.findall(r"def (test_\w+)\(", tests)) == set()


def test_contributors_are_told_where_every_event_is_handled() -> None:
    rows = [line.split(" | ") for line in CONTRIBUTING.splitlines() if line.startswith("|")]
    told = [name for row in rows for cell in row for name in re.findall(r"`([A-Z]\w+)`", cell)]
    assert sorted(told) == sorted(each.__name__ for each in get_args(Event))


def test_the_accounts_of_the_worked_examples_can_be_registered() -> None:
    shown = re.findall(r"^\| SIP address \| `([^`]+)`", (ROOT / "docs/providers.md").read_text(), re.M)
    assert len(shown) >= 3
    assert [each for each in shown if isinstance(parse_account(each), BadAddress)] == []
    assert [each for each in shown if providers.problem(SipAccount(each), None)] == []


def test_users_are_told_what_they_can_write_to_the_gateway() -> None:
    said = HELP.format(gateway="sip.example.org", number=ABROAD)
    words = {word for line in said.splitlines() if ": " in line for word in line.partition(": ")[0].split(", ")}
    assert {"help", "busy on", "busy off"} <= words
    page = (ROOT / "docs/using.md").read_text()
    assert [word for word in words if f"`{word}`" not in page] == []


def test_the_messages_that_users_are_told_of_exist() -> None:
    """Each quotation on the page is in a text of the gateway, except for numbers and what “…” stands for."""
    texts = "\n".join(re.sub(r"\{\w+\}", "", each) for each in all_texts())
    page = (ROOT / "docs/using.md").read_text().partition("## What the messages mean")[2]
    told = [cell for row in re.findall(r"^\| (.*?) \|", page, re.M) for cell in re.findall("“([^“”]+)", row)]
    parts = [re.sub(r"\d+", "", part).strip() for each in told for part in each.split("…")]
    assert len(parts) > 15
    assert [part for part in parts if len(part) > 20 and part not in texts] == []


def all_texts() -> Iterator[str]:
    """Yield the texts of all packages."""
    for path in (ROOT / "fargo").rglob("texts.py"):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        yield from (each for each in vars(module).values() if isinstance(each, str))
