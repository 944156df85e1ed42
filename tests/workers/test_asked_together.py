"""Work of many users in one transaction."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import pytest
from store.reactor import Turns

from fargo.store.interface import StoreError
from fargo.store.opening import open_store_beside
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import asked_together
from fargo.store.postgresql.asked_together import AskedTogether
from fargo.store.postgresql.threaded import ThreadedStore

_TRANSACTION = "select pg_current_xact_id()::text"

pytestmark = pytest.mark.servers


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def together(place: DatabaseAddress, turns: Turns) -> Iterator[AskedTogether]:
    with closing(open_store_beside(cast(Any, turns), place, worker="a")) as store:
        yield AskedTogether(cast(ThreadedStore, store))


def transaction(connection: Any) -> str:
    return str(connection.execute(_TRANSACTION).fetchone()[0])


def test_what_is_asked_meanwhile_is_one_transaction_by_user(
    together: AskedTogether, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked_together, "MOST", 3)
    order: list[str] = []

    def ask(user: str) -> Any:
        def work(connection: Any) -> str:
            order.append(user)
            return transaction(connection)

        return together.ask(user, work)

    asked = [ask(user) for user in ("b", "d", "c", "a", "e")]
    first, *others, last = [turns.result(each) for each in asked]
    assert order == ["b", "a", "c", "d", "e"]
    assert len(set(others)) == 1
    assert len({first, *others, last}) == 3


def test_all_of_a_transaction_fails_and_the_next_does_not(together: AskedTogether, turns: Turns) -> None:
    asked: list[Any] = [
        together.ask("a", transaction),
        together.ask("b", lambda connection: connection.execute("select 1 / 0")),
        together.ask("c", transaction),
    ]
    results = [turns.result(each) for each in asked]
    assert isinstance(results[0], str)
    assert all(isinstance(each.value, StoreError) for each in results[1:])
    assert isinstance(turns.result(together.ask("a", transaction)), str)
