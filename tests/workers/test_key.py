"""The key of the passwords at a worker: without it, a process is not the worker, and does not wait to be it. A process
that cannot start for another reason does not keep the lease.
"""

import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from store.entries import ALICE
from world.gateway import FARGO

from fargo.config import load
from fargo.opened_log import opened
from fargo.store.interface import StoreError
from fargo.store.opening import open_store
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts
from fargo.store.sealing import KEY_FILE, Seal
from fargo.store.state import tables_in

FILE = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
[log]
store = "{store}"
[state]
directory = "state"
[workers.a]
"""

pytestmark = pytest.mark.servers


def configuration(directory: Path, place: DatabaseAddress) -> Path:
    file = directory / "fargo.toml"
    file.touch(mode=0o600)
    file.write_text(FILE.format(store=place.uri))
    return file


@pytest.mark.parametrize(("has_key", "why"), [(False, texts.KEY_MISSING), (True, texts.OTHER_KEY)])
def test_a_process_without_the_key_is_told_before_it_is_the_worker(
    place: DatabaseAddress, db: Any, tmp_path: Path, has_key: bool, why: str
) -> None:
    (tmp_path / "first").mkdir()
    with closing(open_store(place)):
        tables_in(tmp_path / "first", place).close()
    before = db.execute("select worker, term from leases").fetchall()
    state = tmp_path / "state"
    (state / "a").mkdir(parents=True)
    if has_key:
        Seal(state)
    file = configuration(tmp_path, place)
    with pytest.raises(StoreError) as raised:
        opened(load(file, "a"), cast(Any, None))
    assert str(raised.value) == why.format(database=place, path=state / KEY_FILE)
    assert (state / KEY_FILE).exists() == has_key, "a key that is none is not drawn"
    assert db.execute("select worker, term from leases").fetchall() == before


def test_a_worker_that_cannot_start_ends(place: DatabaseAddress, db: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with closing(open_store(place)):
        tables_in(state, place).close()
    db.execute("insert into owners values (%s, 'a', 0)", (ALICE,))
    db.execute("insert into passwords values ('name', %s, 'not sealed')", (ALICE,))
    command = (FARGO, "run", "--as-root", "--worker", "a", "-c", configuration(tmp_path, place))
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert texts.NOT_OPENED.format(database=place, user=ALICE) in ended.stderr
    open_store(place, worker="a").close()
