"""Every command that the documentation shows is one that Fargo has, with options that it has; those that need no more
than a log also run, on a log with the calls that the pages tell of.

A command is *whole* on a line of its own, indented or in a block of the shell. In the middle of a sentence it may have
fewer arguments than it needs.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fargo.backfill import backfill
from fargo.calls import Record, records
from fargo.cli import main
from fargo.store.sqlite.vault_tables import open_vault, write_mark
from fargo.store.state import open_log
from replay.reading import golden
from replay.reading.golden import GoldenLog

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SESSION = ROOT / "replay/sessions/endings-a-refused-call-says-why-486-busy-here-busy-sip.jsonl"
PROGRAM = r"(?:fargo|script/[\w-]+)(?![\w./-])"
BEFORE = r"(?:\$ |runuser -u fargo -- |sudo )*"
NAMES = {"alice@localhost": "alice@example.org", "carol": "bob", "localhost": "example.org", "sip.test": "example.net"}
RUN = {
    *(("accounts",), ("calls",), ("why",), ("init",), ("log", "stats"), ("log", "compact"), ("users", "export")),
    *(("backup",), ("restore",), ("stop",), ("replay", "step")),
    *(("replay", "ladder"), ("replay", "show"), ("replay", "verify"), ("replay", "export"), ("replay", "import")),
}
"""Those that need no running gateway, no XMPP server and no browser."""


def lines(page: Path) -> Iterator[str]:
    """Yield the commands of a page that are whole."""
    text = page.read_text()
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.M | re.S)
    shown = [*re.findall(r"^    (?! )(.*)$", text, re.M), *(line for block in blocks for line in block.splitlines())]
    for line in shown:
        if found := re.fullmatch(rf"{BEFORE}({PROGRAM}.*)", line):
            yield found[1]


def spans(page: Path) -> Iterator[str]:
    """Yield the commands in the sentences of a page."""
    for span in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)):
        command = re.sub(r"\s+", " ", span)
        if re.match(PROGRAM, command):
            yield command


def found(command: str) -> tuple[click.Command, tuple[str, ...], list[str]]:
    """Return what a command line of Fargo calls, its name, and the arguments that are left."""
    _, *rest = shlex.split(command)
    called: click.Command = main
    name: tuple[str, ...] = ()
    while isinstance(called, click.Group) and rest and not rest[0].startswith("-"):
        name = (*name, rest[0])
        assert rest[0] in called.commands, command
        called = called.commands[rest.pop(0)]
    return called, name, rest


def options(command: click.Command) -> set[str]:
    """Return the options of a command."""
    context = click.Context(command)
    return {name for each in command.get_params(context) for name in (*each.opts, *each.secondary_opts)}


def source(script: str) -> str:
    """Return the text of a script and of the modules that it runs."""
    text = (ROOT / script).read_text()
    folders = [ROOT / "script" / name for name in re.findall(r"script/(\w+)", text)]
    modules = [path for folder in folders if folder.is_dir() for path in folder.rglob("*.py")]
    return "\n".join((text, *(path.read_text() for path in modules)))


LINES = sorted({line for page in PAGES for line in lines(page)})
SPANS = sorted({span for page in PAGES for span in spans(page)})


def test_the_pages_show_commands_in_all_forms() -> None:
    assert "fargo inspect" in LINES
    assert "fargo check" in LINES
    assert "script/up --once" in SPANS


@pytest.mark.parametrize("command", [line for line in LINES if line.startswith("fargo")])
def test_a_whole_command_is_understood(command: str) -> None:
    called, name, rest = found(command)
    called.make_context(name[-1], rest)


@pytest.mark.parametrize("command", [span for span in SPANS if span.startswith("fargo")])
def test_a_command_in_a_sentence_exists_with_its_options(command: str) -> None:
    called, _, rest = found(command)
    assert {each for each in rest if each.startswith("-")} <= options(called)


@pytest.mark.parametrize("command", sorted({each for each in (*LINES, *SPANS) if each.startswith("script/")}))
def test_a_script_exists_with_its_options(command: str) -> None:
    script, *rest = shlex.split(command)
    text = source(script)
    assert [each for each in rest if each.startswith("--") and each not in text] == []
    if script == "script/bench" and rest:
        assert re.search(rf'(?:@\w+\.command|Kind)\(\s*"{rest[0]}"', text)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """The call of a gateway's log, whose configuration is in the current directory, as in the pages."""
    monkeypatch.chdir(tmp_path)
    text = SESSION.read_text()
    for old, new in NAMES.items():
        text = text.replace(old, new)
    Path("story.jsonl").write_text(text)
    state = Path("state")
    state.mkdir(mode=0o700)
    vault = open_vault(state / "vault.db")
    with closing(open_log(state, backfill)) as log, closing(vault), vault.conn as conn:
        log.append(golden.read(Path("story.jsonl")))
        secret = re.findall(r'"secret":"([^"]+)"', text)[-1]
        conn.execute("insert into passwords (name, user, password) values (?, 'alice@example.org', 'one')", [secret])
        write_mark(conn, log.mark())
    (state / "edge.key").write_text("a key of the SIP edge")
    xmpp = '[xmpp]\ndomain = "sip.example.org"\nsecret = "open sesame"\nallowed_domains = ["example.org"]\n'
    Path("fargo.toml").write_text(f'{xmpp}[sip]\naddress = "127.0.0.1"\n[state]\ndirectory = "state"\n')
    Path("fargo.toml").chmod(0o600)
    (told,) = records(GoldenLog(Path("story.jsonl")).call_entries())
    return told


def here(command: str, call: Record) -> list[str]:
    """Return the arguments of a command of the pages, with the names of the call and files that there are here."""
    called, name, rest = found(command)
    said = " ".join(map(shlex.quote, rest))
    said = re.sub(r"alice@example\.org/\d+|(?<=^)7(?= )", str(call.name), said)
    said = re.sub(r"\b[0-9a-f]{32}\b", call.call_ids[0], said)
    said = said.replace("/etc/fargo/fargo.toml", "fargo.toml").replace("/var/lib/fargo/fargo.db", "state/fargo.db")
    said = said.replace("/var/backups", "backups")
    if "--config" in options(called) and not re.search(r"(^| )(-c|--log) ", said) and name != ("init",):
        said += " -c fargo.toml"
    return [*name, *shlex.split(said)]


def prepare(arguments: list[str], call: Record) -> None:
    """Do what the pages have done before."""
    if arguments[0] in ("backup", "restore"):
        Path("backups/fargo").mkdir(parents=True)
    if arguments[0] == "restore" or "--verify" in arguments:
        (copy,) = (each for each in arguments if each.startswith("backups/"))
        assert CliRunner().invoke(main, ["backup", copy, "-c", "fargo.toml"]).exit_code == 0
    if arguments[0] == "restore":
        shutil.rmtree("state")
    if "call.jsonl" in arguments and "export" not in arguments:
        export = ["replay", "export", str(call.name), "--log", "story.jsonl", "-o", "call.jsonl"]
        assert CliRunner().invoke(main, export).exit_code == 0


@pytest.mark.parametrize("command", [line for line in LINES if line.startswith("fargo") and found(line)[1] in RUN])
def test_a_command_for_a_log_runs(command: str, call: Record) -> None:
    arguments = here(command, call)
    if arguments[0] == "init":
        Path("new").mkdir()
        arguments += ["-c", "new/fargo.toml", "--yes", "--domain", "sip.example.org", "--address", "127.0.0.1"]
    prepare(arguments, call)
    result = CliRunner().invoke(main, arguments, input="quit\n")
    assert result.exit_code == 0, (arguments, result.output)
