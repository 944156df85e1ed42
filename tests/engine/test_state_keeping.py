"""The states that are kept for the next start lead to the same as the whole log."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from fargo import loading, state_keeping, texts
from fargo.engine import Engine
from fargo.loading import Loaded
from fargo.state_keeping import EVERY, StateKeeping
from fargo.statemachine import machine
from fargo.statemachine.model.events import ResourceUnavailable, TimePassed
from fargo.store import kept_states
from fargo.store.entries import Entry
from fargo.store.interface import SynchronousStore
from fargo.store.opening import open_store
from replay.reading import golden

FOLDER = Path(__file__).parents[2] / "replay/sessions"
SESSIONS = sorted(FOLDER.glob("*.jsonl"))
FORGETS = FOLDER / "registration-cancelling-signs-out-and-forgets.jsonl"
A_CALL = FOLDER / "calls-a-call-out-has-sound-both-ways-sip.jsonl"
CORE = "this core"


class Run:
    """A run of the engine with a log, whose states are kept."""

    def __init__(self, log: SynchronousStore, path: Path, core: str = CORE) -> None:
        self.clock = Clock()
        self.now = max((recorded.at for recorded, _ in log.read()), default=0.0)
        self.path = path
        self.keeping = StateKeeping(path, core, log.mark, lambda: self.engine, self.clock)
        self.engine = Engine(
            log,
            machine,
            lambda _: None,
            pytest.fail,
            self.clock.callLater,
            lambda: self.now,
            erases=self.keeping.give_up,
        )

    def load(self) -> kept_states.KeptStates | None:
        """Load what was kept and the rest of the log. Return what was kept."""
        kept = self.keeping.read()
        self.engine.load(kept)
        return kept

    def keep(self) -> None:
        """Keep the states, and stop."""
        self.keeping.start()
        self.clock.advance(EVERY)
        self.keeping.stop()

    def ends(self) -> dict[str, Loaded | None]:
        return {user: self.engine.end(user) for user in self.engine.users()}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_keeping, "LEAST", 1)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SynchronousStore]:
    with closing(open_store(tmp_path / "fargo.db")) as log:
        yield log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return kept_states.states_of(tmp_path / "fargo.db")


def kept(log: SynchronousStore, path: Path, entries: list[Entry]) -> Run:
    """Return the run that has kept the states after these entries."""
    log.append(entries)
    run = Run(log, path)
    run.load()
    run.keep()
    assert path.exists()
    return run


@pytest.mark.parametrize("session", SESSIONS[::7], ids=lambda path: path.stem)
@pytest.mark.parametrize("part", [0.3, 0.6, 1.0])
def test_a_start_from_kept_states_leads_to_the_same(
    log: SynchronousStore, path: Path, session: Path, part: float
) -> None:
    entries = list(golden.read(session))
    cut = round(len(entries) * part)
    kept(log, path, entries[:cut])
    log.append(entries[cut:])
    again, whole = Run(log, path), Run(log, path)
    found = again.load()
    assert found is not None
    assert {each.user for each in found.states} == {recorded.user for recorded, _ in entries[:cut]}
    whole.engine.load()
    assert again.ends() == whole.ends()


def test_most_users_need_no_event_of_the_log(log: SynchronousStore, path: Path) -> None:
    """A user who is signed in has a state; one in a call is folded from the log."""
    entries = list(golden.read(A_CALL))
    kept(log, path, entries[:8])
    found = Run(log, path).keeping.read()
    assert found
    assert [each.snapshot is not None for each in found.states] == [True]
    log.append(entries[8:10])
    Run(log, path).load()
    run = Run(log, path)
    run.load()
    run.keep()
    found = Run(log, path).keeping.read()
    assert found
    assert [(each.version, each.snapshot) for each in found.states] == [(10, None)]


def test_what_is_committed_while_states_are_written_is_not_lost(log: SynchronousStore, path: Path) -> None:
    entries = list(golden.read(A_CALL))
    log.append(entries[:8])
    run = Run(log, path)
    run.load()
    run.keeping.start()
    before = log.mark()
    user = entries[0][0].user
    run.clock.advance(EVERY - 1)
    run.engine.put(user, ResourceUnavailable(f"{user}/desk", "sip.localhost"))
    run.clock.advance(1)
    run.keeping.stop()
    assert log.mark().position > before.position
    again, whole = Run(log, path), Run(log, path)
    assert again.load()
    whole.engine.load()
    assert again.ends() == whole.ends()


def test_states_are_of_no_use_to_others(log: SynchronousStore, path: Path) -> None:
    kept(log, path, list(golden.read(A_CALL)))
    written, mark = path.read_bytes(), log.mark()
    assert kept_states.read(path, CORE, mark)
    assert kept_states.read(path, "another core", mark) is None
    assert kept_states.read(path, CORE, mark._replace(log="another log")) is None
    assert kept_states.read(path, CORE, mark._replace(position=mark.position - 1)) is None
    for damaged in (written[:-2], written[: written.index(b"\n") + 1], b"", b"?"):
        path.write_bytes(damaged)
        assert kept_states.read(path, CORE, mark) is None
    assert Run(log, path).load() is None
    assert not path.exists()
    path.write_bytes(written)
    assert Run(log, path, "another core").load() is None
    assert not path.exists()


def test_nobody_but_the_owner_reads_the_states(log: SynchronousStore, path: Path) -> None:
    kept(log, path, list(golden.read(A_CALL)))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_does_not_go_on_there_is_folded_as_a_whole(log: SynchronousStore, path: Path) -> None:
    entries = list(golden.read(A_CALL))
    kept(log, path, entries[:8])
    found = kept_states.read(path, CORE, log.mark())
    assert found
    log.append(entries[8:])
    (state,) = found.states
    for others in ((replace(state, version=5),), ()):
        with capturedLogs() as said:
            ends = loading.loaded(log, machine, replace(found, states=others))
        assert ends == loading.loaded(log, machine)
        assert [event["log_format"] for event in said] == [texts.STATES_NOT_USED]


def test_whoever_is_erased_does_not_come_back(log: SynchronousStore, path: Path) -> None:
    run = kept(log, path, list(golden.read(A_CALL)))
    (user,) = run.engine.users()
    version = log.version(user)
    run.engine.forget(user, version)
    assert not path.exists()
    again = Run(log, path)
    assert again.load() is None
    assert again.ends() == {}


def test_whoever_leaves_does_not_come_back(log: SynchronousStore, path: Path) -> None:
    """A user who has cancelled is forgotten when their time has passed."""
    run = kept(log, path, list(golden.read(FORGETS))[:-1])
    (user,) = run.engine.users()
    run.now += 3600
    run.engine.put(user, TimePassed())
    run.clock.pump([0] * 20)
    assert run.engine.users() == []
    assert len(log) == 0
    assert not path.exists()


def test_an_erasure_while_states_are_written_leaves_none(
    log: SynchronousStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(golden.read(A_CALL))
    run = Run(log, path)
    run.load()
    end = run.engine.end

    def erased_then(jid: str) -> Loaded | None:
        run.keeping.give_up()
        return end(jid)

    monkeypatch.setattr(run.engine, "end", erased_then)
    run.keeping.start()
    run.clock.advance(EVERY)
    assert not path.exists()
    monkeypatch.undo()
    monkeypatch.setattr(state_keeping, "LEAST", 1)
    run.clock.advance(EVERY)
    assert path.exists()
    run.keeping.stop()


def test_states_are_written_only_if_the_log_has_grown(
    log: SynchronousStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = list(golden.read(A_CALL))
    monkeypatch.setattr(state_keeping, "LEAST", len(entries) + 1)
    log.append(entries)
    run = Run(log, path)
    run.load()
    run.keep()
    assert not path.exists()


def test_states_that_cannot_be_written_or_removed_are_a_line_in_the_output(
    log: SynchronousStore, tmp_path: Path
) -> None:
    log.append(golden.read(A_CALL))
    run = Run(log, tmp_path / "none" / "states")
    run.load()
    with capturedLogs() as said:
        run.keep()
    assert [event["log_format"] for event in said] == [texts.STATES_NOT_KEPT]
    (tmp_path / "folder").mkdir()
    with capturedLogs() as said:
        Run(log, tmp_path / "folder").keeping.give_up()
    assert [event["log_format"] for event in said] == [texts.STATES_NOT_REMOVED]


def test_each_core_has_its_name() -> None:
    assert loading.core() == loading.core()
    assert len(loading.core()) == 64
