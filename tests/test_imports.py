"""The allowed imports between packages, checked against the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from fargo.statemachine.model.sip import ENGINES

ROOT = Path(__file__).parent.parent
CORE = "fargo.statemachine"

# What the core may import besides itself: nothing with a clock, randomness or I/O.
PURE = {
    *("collections", "dataclasses", "datetime", "enum", "functools", "hashlib", "ipaddress", "itertools", "msgspec"),
    *("re", "re2", "stringprep", "typing", "unicodedata"),
}

# Each package or module with those that it may import besides itself. The longest matching name counts.
MAY = {
    "fargo": set(),
    "fargo.plain": set(),
    "fargo.calls": {CORE, "fargo.store", "fargo.texts"},
    "fargo.private_file": set(),
    CORE: set(),
    "fargo.outputs": set(),
    "fargo.journal": {CORE, "fargo.calls", "fargo.plain", "fargo.store"},
    "fargo.processes": {"fargo.journal", "fargo.outputs", "fargo.texts"},
    "fargo.supervisor": {"fargo.processes", "fargo.texts"},
    "fargo.adapters": {CORE},
    "fargo.languages": set(),
    "fargo.adapters.xmpp": {
        *(CORE, "fargo.languages", "fargo.adapters", "fargo.limits.rejection", "fargo.plain"),
        "fargo.control.questions",
    },
    "fargo.adapters.telepathy": {CORE, "fargo.adapters", "fargo.processes", "fargo.supervisor", "fargo.private_file"},
    "fargo.adapters.relay": {CORE, "fargo.adapters.sdp", "fargo.private_file"},
    "fargo.adapters.sdp": {CORE},
    "fargo.adapters.sip": {CORE, "fargo.adapters", "fargo.adapters.sdp", "fargo.edge.sip.keys"},
    "fargo.edge": {"fargo.edge.sip.keys", "fargo.outputs", "fargo.processes", "fargo.private_file"},
    "fargo.edge.sip.keys": set(),
    "fargo.limits": {CORE, "fargo.limits.rejection"},
    "fargo.limits.rejection": {"fargo.limits"},
    "fargo.store": {CORE},
    "fargo.store.kept_states": {CORE, "fargo.private_file", "fargo.store"},
    "fargo.store.copies": {
        *("fargo.store", "fargo.store.opening", "fargo.store.sqlite", "fargo.store.state", "fargo.store.vault")
    },
    "fargo.store.opening": {"fargo.store", "fargo.store.places", "fargo.store.postgresql", "fargo.store.sqlite"},
    "fargo.store.places": {"fargo.store"},
    "fargo.store.sealing": {"fargo.private_file", "fargo.store"},
    "fargo.store.postgresql": {CORE, "fargo.store", "fargo.store.places", "fargo.store.sealing"},
    "fargo.store.sqlite": {CORE, "fargo.store"},
    "fargo.store.state": {
        *("fargo.store", "fargo.store.opening", "fargo.store.places", "fargo.store.postgresql", "fargo.store.sqlite"),
        "fargo.store.vault",
    },
    "fargo.store.transfer": {
        *("fargo.store", "fargo.store.opening", "fargo.store.places", "fargo.store.postgresql", "fargo.store.sealing"),
        *("fargo.store.sqlite", "fargo.store.state", "fargo.store.vault"),
    },
    "fargo.store.vault": {"fargo.store", "fargo.store.sqlite"},
    "fargo.backfill": {CORE, "fargo.store"},
    "fargo.engine": {
        *(CORE, "fargo.engine_parts", "fargo.loading", "fargo.store", "fargo.store.kept_states", "fargo.streams"),
        "fargo.texts",
    },
    "fargo.engine_parts": {CORE, "fargo.store"},
    "fargo.loading": {CORE, "fargo.store", "fargo.store.kept_states", "fargo.texts"},
    "fargo.state_keeping": {CORE, "fargo.loading", "fargo.store", "fargo.store.kept_states", "fargo.texts"},
    "fargo.retention": {CORE, "fargo.store", "fargo.texts"},
    "fargo.room": {"fargo.texts"},
    "fargo.service_manager": {"fargo.plain", "fargo.texts"},
    "fargo.texts": {CORE},
    "fargo.config": {"fargo.config_sections", "fargo.config_values", "fargo.config_workers", "fargo.texts"},
    "fargo.config_sections": {"fargo.config_values", "fargo.texts"},
    "fargo.config_workers": {"fargo.texts"},
    "fargo.config_values": {CORE, "fargo.languages", "fargo.store.places", "fargo.texts"},
    "fargo.reload": {"fargo.checking", "fargo.config", "fargo.config_sections"},
    "fargo.setup": {"fargo.config", "fargo.config_sections", "fargo.config_values"},
    "fargo.state_printing": {"fargo.texts"},
    "fargo.status": {CORE, "fargo.texts", "fargo.plain"},
    "fargo.control": {"fargo.control.questions"},
    "fargo.control.questions": set(),
    "fargo.metrics": {CORE, "fargo.calls", "fargo.operations", "fargo.store"},
    "fargo.operations": {
        *(
            CORE,
            "fargo.calls",
            "fargo.control",
            "fargo.control.questions",
            "fargo.edge",
            "fargo.engine",
            "fargo.plain",
            "fargo.status",
            "fargo.store",
        ),
        "fargo.supervisor",
    },
    "fargo.wall_clock": {"fargo.texts"},
    "fargo.left_edges": {"fargo.config", "fargo.edge", "fargo.store", "fargo.store.state", "fargo.texts"},
    "fargo.checking": {
        *(
            "fargo.config",
            "fargo.config_sections",
            "fargo.config_values",
            "fargo.edge",
            "fargo.edge_settings",
            "fargo.left_edges",
            "fargo.plain",
        ),
        *("fargo.program_versions", "fargo.running", "fargo.store", "fargo.store.opening", "fargo.store.state"),
        "fargo.store.copies",
        *("fargo.adapters.xmpp", "fargo.control", "fargo.control.questions", "fargo.operations"),
    },
    "fargo.running": {"fargo.store"},
    "fargo.program_versions": {"fargo.plain"},
    "fargo.edge_settings": {"fargo.config", "fargo.config_sections", "fargo.edge"},
    "fargo.screening": {CORE, "fargo.adapters"},
    "fargo.sip_service": {
        *(CORE, "fargo.adapters", "fargo.adapters.sdp", "fargo.adapters.sip", "fargo.adapters.telepathy"),
        *("fargo.config", "fargo.config_sections", "fargo.edge", "fargo.edge_settings", "fargo.texts"),
    },
    "fargo.daemon_settings": {
        *(CORE, "fargo.adapters.xmpp", "fargo.config", "fargo.limits", "fargo.private_file", "fargo.store.copies"),
        "fargo.store.sealing",
    },
    "fargo.workers": {"fargo.service_manager", "fargo.store"},
    "fargo.workers.standby": {
        "fargo.loading",
        "fargo.service_manager",
        "fargo.store",
        "fargo.workers",
        "fargo.workers.following",
    },
    "fargo.workers.waiting": {
        *("fargo.config", "fargo.operations", "fargo.store", "fargo.workers", "fargo.workers.following"),
        *("fargo.workers.signals", "fargo.workers.waiting_room"),
    },
    "fargo.workers.waiting_room": {
        *("fargo.control", "fargo.control.questions", "fargo.metrics", "fargo.operations", "fargo.workers"),
    },
    "fargo.workers.following": {CORE, "fargo.loading", "fargo.store", "fargo.workers"},
    "fargo.workers.signals": {"fargo.config", "fargo.reload", "fargo.texts", "fargo.workers"},
    "fargo.workers.placing": {"fargo.workers"},
    "fargo.workers.figures": {"fargo.operations", "fargo.store", "fargo.workers"},
    "fargo.workers.parcels": {CORE, "fargo.store"},
    "fargo.workers.share": {
        *(CORE, "fargo.engine", "fargo.limits.rejection", "fargo.loading", "fargo.operations", "fargo.store"),
        "fargo.workers",
        "fargo.workers.figures",
        "fargo.workers.following",
        "fargo.workers.parcels",
        "fargo.workers.placing",
    },
    "fargo.workers.around": {
        *(CORE, "fargo.adapters.xmpp", "fargo.limits", "fargo.limits.rejection", "fargo.sip_service", "fargo.store"),
        "fargo.store.vault",
    },
    "fargo.opened_log": {
        *("fargo.backfill", "fargo.config", "fargo.engine", "fargo.store", "fargo.store.opening", "fargo.store.state"),
        *(CORE, "fargo.texts", "fargo.workers", "fargo.workers.following", "fargo.workers.share"),
    },
    "fargo.streams": {CORE, "fargo.store"},
    "fargo.dispatching": {
        *(CORE, "fargo.adapters", "fargo.adapters.relay", "fargo.adapters.xmpp", "fargo.limits", "fargo.sip_service"),
        *("fargo.store", "fargo.store.vault", "fargo.texts"),
    },
    "fargo.daemon": {
        "fargo.dispatching",
        *(CORE, "fargo.adapters.relay", "fargo.adapters.sdp", "fargo.adapters.xmpp", "fargo.config"),
        *(
            "fargo.calls",
            "fargo.control",
            "fargo.control.questions",
            "fargo.daemon_settings",
            "fargo.journal",
            "fargo.limits",
            "fargo.metrics",
        ),
        *("fargo.left_edges", "fargo.loading", "fargo.operations", "fargo.screening"),
        *("fargo.sip_service", "fargo.state_keeping", "fargo.store.kept_states"),
        *("fargo.backfill", "fargo.engine", "fargo.checking", "fargo.processes", "fargo.reload", "fargo.retention"),
        *(
            "fargo.room",
            "fargo.service_manager",
            "fargo.state_printing",
            "fargo.status",
            "fargo.supervisor",
            "fargo.vault_upkeep",
            "fargo.wall_clock",
            "fargo.workers",
            "fargo.workers.around",
            "fargo.workers.following",
            "fargo.workers.heartbeat",
            "fargo.workers.standby",
            "fargo.workers.waiting",
            "fargo.opened_log",
        ),
        *("fargo.store", "fargo.store.copies", "fargo.store.opening", "fargo.store.state", "fargo.store.vault"),
        "fargo.texts",
        "fargo.plain",
        "fargo.private_file",
    },
    "fargo.vault_upkeep": {"fargo.store.vault", "fargo.store", "fargo.texts"},
    "fargo.__main__": {"fargo.cli"},
    "fargo.cli": {
        *(
            CORE,
            "fargo",
            "fargo.backfill",
            "fargo.calls",
            "fargo.config",
            "fargo.config_sections",
            "fargo.config_values",
            "fargo.daemon",
            "fargo.checking",
        ),
        *("fargo.program_versions", "fargo.running"),
        *(
            "fargo.control",
            "fargo.control.questions",
            "fargo.operations",
            "fargo.retention",
            "fargo.setup",
            "fargo.edge",
            "fargo.store",
            "fargo.store.copies",
            "fargo.store.directory_lock",
        ),
        *("fargo.store.opening", "fargo.store.places", "fargo.store.state", "fargo.store.transfer"),
        *("replay", "replay.drawing", "replay.explaining", "replay.exporting", "replay.page", "replay.reading"),
        "replay.inspecting",
        "replay.server",
        "replay.verifying",
        "fargo.plain",
        "fargo.private_file",
    },
    "replay": set(),
    "replay.accept": {"fargo.store", "replay", "replay.reading", "replay.verifying"},
    "replay.reading": {CORE, "fargo.calls", "fargo.store", "fargo.store.places"},
    "replay.verifying": {
        *(CORE, "fargo.calls", "fargo.store", "replay.drawing", "replay.reading", "replay.verifying.difference"),
        "replay.verifying.listed",
    },
    "replay.verifying.difference": {CORE, "fargo.calls", "replay.reading", "replay.verifying"},
    "replay.verifying.listed": {CORE, "replay.verifying.difference"},
    "replay.drawing": {CORE, "fargo.calls", "fargo.store", "replay.explaining", "replay.reading", "fargo.plain"},
    "replay.explaining": {CORE, "fargo.calls", "replay.reading", "fargo.plain"},
    "replay.exporting": {CORE, "fargo.calls", "fargo.store", "replay.reading"},
    "replay.page": {CORE, "fargo.calls", "fargo.store", "replay.drawing", "replay.reading", "fargo.plain"},
    "replay.inspecting": {
        *(CORE, "fargo.calls", "fargo.store", "replay.drawing", "replay.explaining", "replay.reading", "fargo.plain"),
        "fargo.private_file",
    },
    "replay.server": {
        *(CORE, "fargo.calls", "fargo.store", "replay", "replay.drawing", "replay.exporting", "replay.inspecting"),
        *("replay.page", "replay.reading"),
    },
}

# The modules of a SIP engine, each with who may import it besides itself. The interface to SIP engines imports the leg;
# the unions of all events and commands, the engine's adapter, what draws its messages, and what knows the commands in
# older logs import the values; what explains changes of the rules may look into its phases.
OF_AN_ENGINE = {
    f"{CORE}.account.binding": {f"{CORE}.account.sign_in"},
    f"{CORE}.legs.telepathy": {f"{CORE}.legs.sip", "replay.drawing.telepathy"},
    f"{CORE}.legs.user_agent": {f"{CORE}.legs.sip", "replay.verifying.listed"},
    f"{CORE}.model.call1": {
        *(f"{CORE}.legs.telepathy", f"{CORE}.model.events", f"{CORE}.model.commands", "fargo.adapters.telepathy"),
        *("replay.drawing.telepathy", "replay.verifying.listed", "fargo.store.correlation", "fargo.screening"),
        "fargo.sip_service",
    },
}
# Who may use the names of the engines. The rest of the core asks what an engine can do.
KNOW_ENGINES = {f"{CORE}.account.sign_in", f"{CORE}.legs.sip", f"{CORE}.model"}
SCHEMES = {f"{CORE}.address"}
"""The modules in which "sip" is the scheme of a URI."""


@cache
def sources() -> Mapping[str, Path]:
    """All modules of the gateway and of the tools for its logs, by name."""
    return {module(path): path for top in ("fargo", "replay") for path in sorted((ROOT / top).rglob("*.py"))}


def core() -> Iterator[str]:
    return (name for name in sources() if is_in(name, {CORE}))


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(name: str) -> tuple[ast.AST, ...]:
    """Every node of a module."""
    return tuple(ast.walk(ast.parse(sources()[name].read_text())))


@cache
def imports(name: str) -> frozenset[str]:
    """Every module, or name in a module, that a module imports."""
    found: set[str] = set()
    for node in parsed(name):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def is_in(name: str, packages: set[str]) -> str:
    """Return the package that a module or a name in it belongs to, "" if none."""
    while name and name not in packages:
        name = name.rpartition(".")[0]
    return name


# One test for all modules, as there are hundreds of them.


def test_imports_are_allowed() -> None:
    packages = set(MAY)
    wrong = [
        f"{name} must not import {each}"
        for name in sources()
        for here in (is_in(name, packages),)
        for each in imports(name)
        if (there := is_in(each, packages)) and there != here and there not in MAY[here]
    ]
    assert wrong == []


def test_the_core_is_pure() -> None:
    foreign = [
        f"{name} imports {each}"
        for name in core()
        for each in imports(name)
        if each.partition(".")[0] not in PURE and not is_in(each, {CORE})
    ]
    assert foreign == []


def test_the_store_folds_nothing() -> None:
    folding = [
        f"{name} imports {each}"
        for name in sources()
        if is_in(name, {"fargo.store"})
        for each in imports(name)
        if is_in(each, {CORE}) and not is_in(each, {f"{CORE}.model"})
    ]
    assert folding == []


def test_only_the_store_names_its_database() -> None:
    others = {name: path for name, path in sources().items() if not is_in(name, {"fargo.store"})}
    assert [name for name, path in others.items() if "sqlite" in path.read_text().lower()] == []


def test_a_sip_engine_is_known_to_the_interface_only() -> None:
    knowing = [
        f"{name} imports {each}"
        for package, others in OF_AN_ENGINE.items()
        for name in sources()
        if not is_in(name, {package, *others})
        for each in imports(name)
        if is_in(each, {package})
    ]
    assert knowing == []


def test_the_core_asks_what_an_engine_can_do_and_not_its_name() -> None:
    naming = [
        f"{name} has {node.value!r}"
        for name in core()
        if not is_in(name, KNOW_ENGINES | SCHEMES)
        for node in parsed(name)
        if isinstance(node, ast.Constant) and node.value in ENGINES
    ]
    assert naming == []


def test_every_named_package_exists() -> None:
    """A rule about a package that is gone would check nothing."""
    modules = set(sources())
    assert set(MAY) <= modules
    assert modules >= {*OF_AN_ENGINE, *KNOW_ENGINES, *SCHEMES}.union(*OF_AN_ENGINE.values())


def test_the_gateway_needs_no_glib_for_its_own_user_agent() -> None:
    """GLib's main loop is loaded with the engine "telepathy" only: it takes memory."""
    code = "import sys, fargo.daemon; sys.exit('gi' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
