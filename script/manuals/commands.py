"""The manual pages of the commands, from what `--help` says."""

from collections.abc import Iterator

import click
from manuals import roff

FILES = (
    ("/etc/fargo/fargo.toml", "The configuration of the service, see fargo.toml(5)."),
    ("/var/lib/fargo", "The state of the gateway: log, passwords and key."),
    ("/usr/share/doc/fargo", "The documentation."),
)
EXITS = (
    ("0", "Success."),
    ("1", "The gateway stopped because of a failure, or what was asked for did not come out as it should."),
    ("2", "The arguments or files cannot be used, and stderr says why."),
)


def pages(name: str, command: click.Command, above: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Yield the name of the page of a command and its text, then those of the commands below it."""
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=above)
    below = dict(sorted(command.commands.items())) if isinstance(command, click.Group) else {}
    yield _file(name), _page(name, command, context, below)
    for each, child in below.items():
        yield from pages(f"{name} {each}", child, context)


def _page(name: str, command: click.Command, context: click.Context, below: dict[str, click.Command]) -> str:
    records = (each.get_help_record(context) for each in command.get_params(context))
    is_whole = context.parent is None
    return roff.page(
        roff.title(_file(name), 1, command.get_short_help_str(200).rstrip(".")),
        roff.heading("Synopsis"),
        [rf"\fB{roff.text(name)}\fR {roff.text(' '.join(command.collect_usage_pieces(context)))}"],
        roff.heading("Description"),
        roff.paragraphs(command.help or ""),
        roff.heading("Options"),
        roff.terms(each for each in records if each),
        _commands(name, below),
        _of_all() if is_whole else [],
        roff.heading("See also"),
        [roff.text("fargo.toml(5)" if is_whole else "fargo(1), fargo.toml(5)")],
    )


def _commands(name: str, below: dict[str, click.Command]) -> list[str]:
    if not below:
        return []
    shown = ((f"{_file(f'{name} {each}')}(1)", child.get_short_help_str(200)) for each, child in below.items())
    return [*roff.heading("Commands"), *roff.terms(shown)]


def _of_all() -> list[str]:
    return [*roff.heading("Files"), *roff.terms(FILES), *roff.heading("Exit status"), *roff.terms(EXITS)]


def _file(name: str) -> str:
    return name.replace(" ", "-")
