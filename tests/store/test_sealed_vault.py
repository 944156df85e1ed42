"""Passwords in a database: nobody can read them there, and only with their key they are opened."""

from contextlib import closing
from pathlib import Path

import pytest
from world.postgresql import PostgresqlServer

from fargo.store.interface import LogMark, StoreError
from fargo.store.opening import open_store
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts
from fargo.store.postgresql.vault_tables import erase_passwords_of
from fargo.store.sealing import KEY_FILE, NotOpenedError, Seal
from fargo.store.state import tables_in, why_not_usable
from fargo.store.vault import Vault

from .entries import ALICE, BOB
from .reactor import done, reactor

MARK = LogMark("a log", 1)


@pytest.fixture
def database(postgresql: PostgresqlServer) -> DatabaseAddress:
    made = postgresql.new_address()
    open_store(made).close()
    return made


def opened(database: DatabaseAddress, directory: Path) -> Vault:
    return Vault(tables_in(directory, database), lambda: MARK, reactor())


def test_what_is_sealed_is_opened_as_what_it_was(tmp_path: Path) -> None:
    seal = Seal(tmp_path)
    one, other = (seal.seal("pässword", "name", ALICE) for _ in range(2))
    assert one != other
    assert "pässword".encode() not in one
    assert Seal(tmp_path).opened(one, "name", ALICE) == "pässword"
    for changed in ((one, "name", BOB), (one, "other", ALICE), (one[:-1], "name", ALICE), (b"", "name", ALICE)):
        with pytest.raises(NotOpenedError):
            seal.opened(*changed)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(NotOpenedError):
        Seal(tmp_path / "elsewhere").opened(one, "name", ALICE)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_key_says_so(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("no key")
    with pytest.raises(StoreError, match=r"vault\.key cannot be used as the key of the passwords: it is not one"):
        Seal(tmp_path)


async def test_no_password_is_in_the_database(
    database: DatabaseAddress, postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    with closing(opened(database, tmp_path)) as vault, closing(postgresql.connect(database)) as db:
        await done(vault.keep(ALICE, "correct horse battery"))
        [(sealed,)] = db.execute("select sealed from passwords").fetchall()
        assert b"correct horse" not in bytes(sealed)  # type: ignore[call-overload]
        assert "SecretStr" in repr(vars(vault))
        assert "correct horse" not in repr(vars(vault))


async def test_only_a_gateway_with_the_key_opens_them(database: DatabaseAddress, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with closing(opened(database, one)) as vault:
        name = await done(vault.keep(ALICE, "password"))
    missing = texts.KEY_MISSING.format(database=database, path=other / KEY_FILE)
    with pytest.raises(StoreError) as raised:
        opened(database, other)
    assert str(raised.value) == missing == why_not_usable(other, database)
    assert not (other / KEY_FILE).exists()
    Seal(other)
    with pytest.raises(StoreError) as raised:
        opened(database, other)
    wrong = texts.OTHER_KEY.format(database=database, path=other / KEY_FILE)
    assert str(raised.value) == wrong == why_not_usable(other, database)
    (other / KEY_FILE).write_bytes((one / KEY_FILE).read_bytes())
    assert why_not_usable(other, database) is None
    with closing(opened(database, other)) as vault:
        assert vault.reveal(name) == "password"


async def test_a_password_of_another_user_is_not_taken(
    database: DatabaseAddress, postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    """Whoever can write to the database cannot give one user's password to another."""
    with closing(opened(database, tmp_path)) as vault, closing(postgresql.connect(database)) as db:
        await done(vault.keep(ALICE, "password"))
        db.execute("update passwords set jid = %s", (BOB,))
    with pytest.raises(StoreError) as raised:
        opened(database, tmp_path)
    assert str(raised.value) == texts.NOT_OPENED.format(database=database, user=BOB)


async def test_a_users_passwords_are_erased(database: DatabaseAddress, tmp_path: Path) -> None:
    with closing(opened(database, tmp_path)) as vault:
        names = [await done(vault.keep(user, "password")) for user in (ALICE, ALICE, BOB)]
    assert erase_passwords_of(database, ALICE) == 2
    with closing(opened(database, tmp_path)) as vault:
        assert [vault.reveal(name) for name in names] == [None, None, "password"]


async def test_a_connection_that_is_lost_is_replaced(
    database: DatabaseAddress, postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    with closing(opened(database, tmp_path)) as vault, closing(postgresql.connect(database)) as db:
        name = await done(vault.keep(ALICE, "one"))
        db.execute("select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name like 'fargo%'")
        other = await done(vault.keep(ALICE, "two"))
        assert [vault.reveal(each) for each in (name, other)] == ["one", "two"]


def test_a_vault_without_its_database_has_nothing_to_look_at(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    assert why_not_usable(tmp_path, postgresql.new_address()) is None
    assert list(tmp_path.iterdir()) == []
