"""The queries in docs/log.md work on a log with several sessions, and the page describes every column of the views."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from datasette.app import Datasette
from sqlite_utils import Database
from statemachine.user_agent import sessions as of_user_agent

from fargo.store.opening import open_store
from replay.reading import golden

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/log.md").read_text()
SESSIONS = ROOT / "replay/sessions"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.S)
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with sessions of several users: calls, an overloaded phone, a wrong password, a registration."""
    path = tmp_path_factory.mktemp("log") / "fargo.db"
    sessions = {
        "alice": "calls-a-call-in-has-sound-both-ways",
        "bertha": "endings-an-overloaded-phone-is-the-providers-own-trouble",
        "carla": "registration-a-wrong-password-is-refused",
        "dora": "presence-a-failure-to-sign-in-is-told-in-words",
    }
    with closing(open_store(path)) as log:
        for name, session in sessions.items():
            text = (SESSIONS / f"{session}.jsonl").read_text().replace("alice@localhost", f"{name}@example.org")
            (path.parent / "a.jsonl").write_text(text)
            log.append(golden.read(path.parent / "a.jsonl"))
        log.append(of_user_agent.session("held_and_moved"))
    return path


def test_there_are_six() -> None:
    assert len(QUERIES) == 6


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:40].strip())
def test_a_query_of_the_page_has_answers(path: Path, query: str) -> None:
    query = query.replace("'14' in", "'7' in")
    rows = list(Database(path).query(query))
    assert rows
    told = subprocess.run(
        [sys.executable, "-m", "sqlite_utils", "query", path, query.rstrip("; \n")], capture_output=True, check=True
    )
    assert json.loads(told.stdout) == rows


@pytest.mark.parametrize("line", SHELL)
def test_a_line_for_the_shell_works(path: Path, line: str) -> None:
    program, *rest = shlex.split(line)
    assert program == "sqlite-utils"
    told = subprocess.run(
        [sys.executable, "-m", "sqlite_utils", *rest], cwd=path.parent, capture_output=True, check=True, text=True
    )
    assert "503" in told.stdout or "Service Unavailable" in told.stdout


@pytest.mark.usefixtures("servers")
def test_other_tools_can_open_it_too(path: Path) -> None:
    sqlite = shutil.which("sqlite3")
    assert sqlite, "script/install brings it"
    query = "select call from calls"
    told = subprocess.run([sqlite, "-json", "-readonly", path, query], capture_output=True, check=True)
    assert json.loads(told.stdout) == list(Database(path).query(query))


async def test_datasette_serves_it(path: Path) -> None:
    client = Datasette([str(path)]).client
    for view in ("calls", "accounts", "failures", "call_records", "notes"):
        rows = (await client.get(f"/fargo/{view}.json?_shape=array")).json()
        assert rows == list(Database(path).query(f"select * from {view}"))
        assert (await client.get(f"/fargo/{view}")).status_code == 200
    assert "alice@example.org" in (await client.get("/fargo/events")).text


def test_the_call_id_of_the_page_is_that_of_a_call(path: Path) -> None:
    [query] = [each for each in QUERIES if "call_id" in each]
    rows = list(Database(path).query(query))
    assert {row["call"] for row in rows} == {"alice@localhost/8"}
    assert [row["held_by"] for row in rows] == [None, '["client"]', '["client","phone"]', '["phone"]', None]


def test_the_page_tells_the_columns_of_calls_in_their_order(path: Path) -> None:
    columns = [row["name"] for row in Database(path).query("select name from pragma_table_xinfo('calls')")]
    [table] = re.findall(r"^\| column of `calls` .*?\n\n", PAGE, re.M | re.S)
    told = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", table, re.M)))
    assert told == columns


def test_the_page_tells_every_column_and_view(path: Path) -> None:
    db = Database(path)
    assert {view for view in db.view_names() if f"| `{view}` |" not in PAGE} == set()
    for name in ("events", "commands", "accounts", "failures", "call_records"):
        (line,) = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.M)
        columns = [row["name"] for row in db.query(f"select name from pragma_table_xinfo('{name}')")]
        assert [column for column in columns if f"`{column}`" not in line and f"`{column}`'s" not in line] == []
