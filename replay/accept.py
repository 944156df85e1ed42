"""Accept the commands of this version: fold golden logs again, and update those that differ.

The differences are shown as `fargo replay verify` shows them. No server is needed, because the events do not change.
"""

from collections.abc import Iterable
from pathlib import Path

import click

from fargo.store.interface import StoreError
from replay import texts
from replay.reading import golden
from replay.reading.steps import refolded
from replay.verifying.report import report
from replay.verifying.verify import Verdict, verify

SESSIONS = Path(__file__).parent / "sessions"


@click.command()
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
def main(paths: tuple[Path, ...]) -> None:
    """Update golden logs with the commands of this version.

    Without FILE, all golden logs in replay/sessions are updated. Each kind of difference is shown with its first
    example. `git diff` shows all differences.
    """
    try:
        verdict, written = accept(paths or sorted(SESSIONS.glob("*.jsonl")))
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    for line in report(verdict):
        click.echo(line)
    for path in written:
        click.echo(texts.WRITTEN.format(path=path))


def accept(paths: Iterable[Path]) -> tuple[Verdict, list[Path]]:
    """Write golden logs anew if they differ in anything from what would be recorded today. Return how their commands
    differed, and the logs that were written. Raises StoreError.
    """
    verdict, written = Verdict(), []
    for path in paths:
        recorded = list(golden.read(path))
        verify(recorded, str(path), verdict)
        today = list(refolded(event for event, _ in recorded))
        if today != recorded:
            golden.write(path, today)
            written.append(path)
    return verdict, written


if __name__ == "__main__":
    main()
