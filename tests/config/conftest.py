"""The commands run here as a user of their own, as they are meant to."""

import pytest

from fargo.cli import gateway


@pytest.fixture(autouse=True)
def _not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "is_root", lambda: False)
