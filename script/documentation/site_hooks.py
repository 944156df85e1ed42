"""Hooks of MkDocs for the site of the documentation (`mkdocs.yml`).

Rules:

1. README, CONTRIBUTING and CHANGELOG are pages of the site, though they stand beside `docs`. The README is its first.
2. A link to a file that is no page, such as a module, becomes the path of that file: readers of the site have no files.
3. Headings have the anchors that GitHub and Forgejo give them, since links are written for these (tests/test_docs.py).
"""

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).resolve().parents[2]
BESIDE: Final = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
STYLE: Final = """/* Names of options stay whole. */
.md-typeset td code { word-break: normal; overflow-wrap: break-word; }
/* Windows in pictures end where the page begins. */
.md-typeset img { border: 1px solid var(--md-default-fg-color--lightest); }
"""
_LINK: Final = re.compile(r"(!?)\[((?:[^\[\]]|\\\[|\\\])+)\]\((?!https?:)([^)#\s]+)((?:#[^)]*)?)\)")


def slug(text: str, separator: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", separator)


def on_config(config: Any) -> Any:
    """Give headings the anchors that links are written for."""
    config.mdx_configs["toc"]["slugify"] = slug
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that stand beside `docs`, and the style."""
    for page, source in BESIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "fargo.css", content=STYLE))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to pages of the site."""
    folder = ROOT if page.file.src_uri in BESIDE else ROOT / "docs"
    return _LINK.sub(lambda link: _led(link, folder), markdown)


def _led(link: re.Match[str], folder: Path) -> str:
    mark, text, path, anchor = link.groups()
    there = (folder / path).resolve().relative_to(ROOT)
    page = next((page for page, source in BESIDE.items() if str(there) == source), None)
    if page or (there.parts[0] == "docs" and len(there.parts) == 2):
        return f"{mark}[{text}]({page or there.name}{anchor})"
    return text if text.startswith("`") else f"`{there}`" if text == str(there) else f"{text} (`{there}`)"
