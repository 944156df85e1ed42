"""Passwords stay in the vault: in its file for nobody else to read, and in no text made of it."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fargo.store.interface import StoreError
from fargo.store.opening import open_store
from fargo.store.vault import Vault

ALICE = "alice@example.org"


class Loop:
    """The one method of a reactor that a vault needs, on asyncio's loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:  # noqa: N802
        self._loop.call_soon_threadsafe(call, *args)


def reactor() -> Any:
    """Return a `Loop` as the reactor that a vault asks for: Twisted's interfaces are zope's, not Python's."""
    return Loop()


@pytest.fixture
async def vault(tmp_path: Path) -> Any:
    made = Vault(tmp_path, reactor())
    yield made
    made.close()


async def done(deferred: Any) -> Any:
    return await asyncio.wait_for(deferred.asFuture(asyncio.get_running_loop()), 20)


async def test_kept_revealed_and_forgotten(vault: Vault) -> None:
    name = await done(vault.keep(ALICE, "pässword"))
    other = await done(vault.keep(ALICE, ""))
    assert name != other
    assert (vault.reveal(name), vault.reveal(other), vault.reveal("none")) == ("pässword", "", None)
    await done(vault.forget(name))
    await done(vault.forget(name))
    assert (vault.reveal(name), vault.reveal(other)) == (None, "")


async def test_it_lasts_and_orphans_do_not(tmp_path: Path) -> None:
    with closing(Vault(tmp_path, reactor())) as first:
        names = [await done(first.keep(ALICE, word)) for word in ("one", "two", "three")]
        await done(first.forget(names[2]))
    with closing(Vault(tmp_path, reactor())) as second:
        second.forget_all_but({names[1], "unknown"})
        assert [second.reveal(name) for name in names] == [None, "two", None]
    with closing(Vault(tmp_path, reactor())) as third:
        assert [third.reveal(name) for name in names] == [None, "two", None]


async def test_nobody_else_may_read_it(vault: Vault, tmp_path: Path) -> None:
    await done(vault.keep(ALICE, "password"))
    assert [(file.name, file.stat().st_mode & 0o777) for file in tmp_path.iterdir()] == [("vault.db", 0o600)]


async def test_what_is_forgotten_is_gone_from_the_file(vault: Vault, tmp_path: Path) -> None:
    name = await done(vault.keep(ALICE, "correct horse battery"))
    assert b"correct horse" in (tmp_path / "vault.db").read_bytes()
    await done(vault.forget(name))
    assert b"correct horse" not in (tmp_path / "vault.db").read_bytes()


async def test_no_text_made_of_it_shows_a_password(vault: Vault) -> None:
    name = await done(vault.keep(ALICE, "correct horse battery"))
    told = repr(vars(vault))
    assert name in told
    assert "SecretStr" in told
    assert "correct horse" not in told


async def test_a_password_that_cannot_be_written_is_not_kept(vault: Vault, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "vault.db") as other:
        other.execute("create trigger full before insert on passwords begin select raise(abort, 'no space'); end")
    with pytest.raises(StoreError, match="cannot be used as a vault: no space"):
        await done(vault.keep(ALICE, "password"))
    assert "SecretStr" not in repr(vars(vault))


async def test_a_log_is_no_vault(tmp_path: Path) -> None:
    open_store(tmp_path / "vault.db").close()
    with pytest.raises(StoreError, match="but not a vault of Fargo"):
        Vault(tmp_path, reactor())
