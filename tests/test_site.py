"""The documentation as one site: it is built without a warning, so all links in it lead somewhere; nothing in it is
loaded from elsewhere; and no page is out of reach.
"""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).parents[1]
LOADING = {"audio", "embed", "iframe", "img", "link", "object", "script", "source", "video"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(directory)))
    return directory


class Loaded(HTMLParser):
    """The files that a page loads by itself, and the pages that it leads to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.sources: set[str] = set()
        self.links: set[str] = set()
        self.classes: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.classes |= set(told.get("class", "").split())
        if tag in LOADING:
            self.sources |= {told[name] for name in ("src", "href", "data", "srcset") if name in told}
        elif tag == "a":
            self.links.add(told.get("href", "").partition("#")[0])


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loaded = Loaded(page)
        assert not {source for source in loaded.sources if "//" in source}, page.name
        # For these, the theme's script would ask other servers.
        assert not loaded.classes & {"mermaid", "md-source"}, page.name
        for source in loaded.sources - {"."}:
            assert page.name == "404.html" or (page.parent / source.partition("?")[0]).is_file(), (page.name, source)
    for style in site.rglob("*.css"):
        told = style.read_text()
        assert "@import" not in told
        assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//", told), style.name


def test_every_page_can_be_reached_from_the_first(site: Path) -> None:
    pages = {page.name for page in site.glob("*.html")} - {"404.html"}
    assert pages - Loaded(site / "index.html").links <= {"index.html"}


def test_its_first_page_is_the_readme(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert "script/up --once" in text
    assert 'src="call-page.png"' in text
