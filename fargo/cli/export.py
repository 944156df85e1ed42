"""`fargo replay export` and `import`: one call as a golden log for others, and a golden log as a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from msgspec.structs import replace

from fargo.cli.common import CALL, Refused, found, opened, reads_log
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.model.rules import RULES
from fargo.store.database import FileError
from fargo.store.log import Entry, Log
from replay.exporting import pytest_file
from replay.exporting.export import Export, ExportError, excerpt, pseudonymised
from replay.reading import golden

_PATH = click.Path(path_type=Path)


@click.command("export")
@CALL
@reads_log
@click.option("-o", "--output", "target", metavar="FILE", required=True, type=_PATH, help="What to write.")
@click.option("--with-names", is_flag=True, help="Keep all names, numbers and addresses.")
@click.option("--as-test", is_flag=True, help="Write a test for pytest instead of a golden log.")
def export_call(name: str, path: Path, target: Path, with_names: bool, as_test: bool) -> None:
    """Write CALL for others, without a name in it.

    FILE becomes a golden log, with all that the call rests on; what is there is replaced.
    """
    with opened(path) as log:
        call = found(log, name)
        entries = excerpt(log.read(call.user), call)
    try:
        export = Export(entries, ()) if with_names else pseudonymised(entries)
    except ExportError as error:
        raise Refused(f"{path}: {error}") from None
    with _writable(target):
        target.touch(0o600)
        if as_test:
            target.write_text(pytest_file.written(export.entries))
        else:
            golden.write(target, export.entries)
    names = "with their names" if with_names else "under pseudonyms; the times are as they were"
    click.echo(f"{target}: {len(export.entries)} events of {call.user if with_names else 'a user'}, {names}.", err=True)
    if export.otherwise:
        count = len(export.otherwise)
        click.echo(f"{count} of them led to other commands when they were recorded; here are today's.", err=True)


@contextmanager
def _writable(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}.") from None


@click.command("import")
@click.argument("path", metavar="FILE", type=_PATH)
@click.option("--log", "target", metavar="NEW", required=True, type=_PATH, help="The log to make.")
def import_log(path: Path, target: Path) -> None:
    """Make a log of a golden log.

    Whatever reads logs reads it then. A file that is there already is left alone.
    """
    if target.exists():
        raise Refused(f"{target} is there already; give the name of a new log.")
    with opened(path) as source:
        # A log has no place for the version of the rules yet.
        entries = tuple((replace(recorded, rules=RULES), issued) for recorded, issued in source.read())
    try:
        _write(target, entries)
    except FileError as error:
        target.unlink(missing_ok=True)
        raise Refused(f"{path} cannot become a log: {error}") from None
    click.echo(f"{target}: {len(entries)} events.", err=True)


def _write(target: Path, entries: tuple[Entry, ...]) -> None:
    """A new log of these entries. Raises FileError if they would not read back as they are."""
    log = Log.open(target)
    try:
        if all(_is_numbered(recorded, each) for recorded, issued in entries for each in issued):
            log.append(entries)
        if tuple(log.read()) != entries:
            raise FileError("its commands are not numbered as the commands of their events.")
    finally:
        log.close()


def _is_numbered(recorded: Recorded, issued: Issued) -> bool:
    version, _, place = issued.id.partition(".")
    return version == str(recorded.version) and place.isdecimal()
