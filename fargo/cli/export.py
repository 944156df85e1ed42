"""`fargo replay export` and `import`: write a call as a golden log, and turn a golden log into a log."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from fargo.cli import texts
from fargo.cli.common import CALL, InputError, find_call, open_log, reads_log, say
from fargo.private_file import write_private
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.store.entries import Entry
from fargo.store.interface import StoreError, SynchronousStore
from fargo.store.opening import open_store
from fargo.store.places import LogPlace
from replay.exporting import pytest_file
from replay.exporting.export import Export, ExportError, excerpt, pseudonymised
from replay.reading import golden

_PATH = click.Path(path_type=Path)


@click.command("export")
@CALL
@reads_log
@click.option("-o", "--output", "target", metavar="FILE", required=True, type=_PATH, help="The file to write.")
@click.option("--with-names", is_flag=True, help="Keep all names, numbers and addresses.")
@click.option("--as-test", is_flag=True, help="Write a pytest file instead of a golden log.")
def export_call(name: str, path: LogPlace, target: Path, with_names: bool, as_test: bool) -> None:
    """Write CALL to a file, with pseudonyms for all names.

    The file is a golden log with everything that the call depends on. An existing file is overwritten.
    """
    with open_log(path) as log:
        call = find_call(log, name)
        entries = excerpt(log, call)
    try:
        export = Export(entries, ()) if with_names else pseudonymised(entries)
    except ExportError as error:
        raise InputError(texts.NOT_EXPORTED.format(path=path, problem=error)) from None
    with _writable(target):
        write_private(target, pytest_file.written(export.entries) if as_test else golden.written(export.entries))
    exported = (texts.EXPORTED_WITH_NAMES if with_names else texts.EXPORTED).format(
        path=target, count=len(export.entries), user=call.user
    )
    say(exported, err=True)
    if export.otherwise:
        click.echo(texts.EXPORT_DIFFERS.format(count=len(export.otherwise)), err=True)


@contextmanager
def _writable(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(texts.NOT_WRITABLE.format(path=target, why=error.strerror)) from None


@click.command("import")
@click.argument("path", metavar="FILE", type=_PATH)
@click.option("--log", "target", metavar="NEW", required=True, type=_PATH, help="The log to create.")
def import_log(path: Path, target: Path) -> None:
    """Create a log from a golden log.

    It can be queried like the log of a gateway. An existing file is never overwritten.
    """
    if target.exists():
        raise InputError(texts.ALREADY_EXISTS.format(path=target))
    with open_log(path) as source:
        entries = tuple(source.read())
    try:
        _write(target, entries)
    except StoreError as error:
        target.unlink(missing_ok=True)
        raise InputError(texts.NOT_IMPORTED.format(path=path, problem=error)) from None
    click.echo(texts.IMPORTED.format(path=target, count=len(entries)), err=True)


def _write(target: Path, entries: tuple[Entry, ...]) -> None:
    """Create a log with these entries. Raises StoreError if they could not be read back unchanged."""
    log: SynchronousStore = open_store(target)
    with closing(log):
        if all(_is_numbered(recorded, each) for recorded, issued in entries for each in issued):
            log.append(entries)
        if tuple(log.read()) != entries:
            raise StoreError(texts.COMMANDS_MISNUMBERED)


def _is_numbered(recorded: Recorded, issued: Issued) -> bool:
    version, _, place = issued.id.partition(".")
    return version == str(recorded.version) and place.isdecimal()
