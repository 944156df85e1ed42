"""Whatever is written as the value of an option, the commands answer with sentences."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from checking.site import Site
from fargo.checking import relay
from fargo.cli import gateway
from fargo.config_sections import SECTIONS

TELEPATHY = {"engine": "telepathy", "tls_port": None, "gateway_port": None}
OPTIONS = [(section, name) for section, model in SECTIONS.items() for name in model.model_fields]
NASTY = [
    *(
        "",
        "\0",
        "\x1b[2J",
        "x" * 300,
        "x/" * 3000,
        "/dev/null",
        "/etc",
        "~nouser/x",
        "127.0.0.1:" + "9" * 30,
        "[::1]:5",
    ),
    *(10**30, True, [[]]),
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(gateway, "is_root", lambda: False)
    monkeypatch.setattr(relay, "PONG_SECONDS", 0.01)
    with closing(Site(tmp_path)) as made:
        yield made


@pytest.mark.parametrize(("section", "name"), OPTIONS, ids=lambda value: value)
def test_any_value_gets_an_answer(site: Site, section: str, name: str) -> None:
    """`Site.run` fails if a command ends with an exception."""
    tables = site.tables
    tls = {"tls_certificate": "fargo.toml", "tls_key": "fargo.toml"} if name.startswith("tls_") else {}
    for sip in (tls, TELEPATHY) if section in ("sip", "state", "programs") else (tls,):
        for value in NASTY:
            site.tables = {each: dict(table) for each, table in tables.items()}
            site.change("sip", **sip)
            if name == "secret_file":
                site.change("xmpp", secret=None)
            site.change(section, **{name: value})
            result = site.run("check", "--offline")
            assert result.exit_code in (0, 2)
            assert result.exit_code == 0 or result.stderr.startswith(("Error: ", "Warning: "))
            assert "\x1b" not in result.output
