"""`fargo init`: write the configuration of a new gateway, and print the lines for the servers around it.

Rules:

1. What is not given by an option is asked for; with --yes, defaults are taken. An answer is checked by the schema
   (`fargo.config`), and the question is put again if it is not valid.
2. A configuration is not overwritten without asking. A secret that is there is kept: the XMPP server has it.
3. Only our user can read the files. If root writes them into a directory that a group can enter, as /etc/fargo of the
   Debian package, this group can read them, too: it is that of the gateway.
"""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

import click
from pydantic import TypeAdapter, ValidationError

from fargo.cli import texts
from fargo.cli.common import CONFIGURATION, InputError
from fargo.config import ConfigError, parse
from fargo.config_sections import SECTIONS
from fargo.private_file import write_private
from fargo.setup import server_lines
from fargo.setup.config_file import Given, configuration, sentence
from fargo.setup.server_lines import Surroundings

SECRET: Final = "xmpp-secret"
_NONE: Final = "none"
_RELAY: Final = "127.0.0.1:2223"
_ELSEWHERE: Final = ("192.0.2.1", 9)
"""An address of nobody (RFC 5737): the way to it is that to everybody. Nothing is sent there."""


@click.command()
@click.option("-c", "--config", "path", default=CONFIGURATION, show_default=True, type=click.Path(path_type=Path),
              help="The configuration to write.")  # fmt: skip
@click.option("--domain", metavar="DOMAIN", help="The XMPP domain of the gateway.")
@click.option("--server", metavar="HOST", help="The XMPP server.")
@click.option("--port", metavar="N", help="The port of the XMPP server for components.")
@click.option("--allowed", metavar="DOMAIN", multiple=True, help="A domain whose users may use the gateway.")
@click.option("--address", metavar="ADDRESS", multiple=True, help="An address of this machine that providers reach.")
@click.option("--relay", metavar="ADDRESS:PORT", help='Where the media relay takes commands, or "none".')
@click.option("--engine", metavar="ENGINE", help='The SIP engine, "sip" or "telepathy".')
@click.option("--state", metavar="DIRECTORY", help="Where the gateway keeps its files.")
@click.option("--yes", is_flag=True, help="Ask nothing, and take defaults for what is not given.")
@click.option("--replace", is_flag=True, help="Replace a configuration that is there.")
def init(path: Path, yes: bool, replace: bool, **given: Any) -> None:
    """Write the configuration of a new gateway with comments, and draw its secret.

    Asks for what is not given by an option, and prints the lines for the XMPP server, the media relay and the firewall.
    """
    _may_write(path, yes, replace)
    ask = _Questions(given, yes)
    domain = ask.one("domain", "xmpp", "domain")
    server, port = ask.one("server", "xmpp", "server", "127.0.0.1"), ask.one("port", "xmpp", "port", 5347)
    allowed = ask.several("allowed", "xmpp", "allowed_domains", domain.partition(".")[2])
    addresses = ask.several("address", "sip", "address", _own_address())
    relay = ask.one("relay", "media", "relay", _RELAY)
    values: dict[str, dict[str, Given]] = {
        "xmpp": {"domain": domain, "server": server, "port": port, "secret_file": SECRET, "allowed_domains": allowed},
        "sip": {"engine": ask.one("engine", "sip", "engine", "sip"), "address": addresses},
        "media": {} if relay is None else {"relay": relay},
        "state": {"directory": given["state"]} if given["state"] else {},
    }
    secret = _drawn(path.parent / SECRET)
    text = configuration(values)
    try:
        config = parse(path, text)
    except ConfigError as error:
        raise InputError(str(error)) from None
    _write(path, text)
    click.echo(texts.WRITTEN.format(path=path, secret=path.parent / SECRET))
    relay_at = config.media.relay
    _print_lines(path, Surroundings(domain, secret, server, port, config.sip.address, config.sip.port, relay_at))


def _may_write(path: Path, yes: bool, replace: bool) -> None:
    """Raise InputError if the configuration cannot be written, or must not be (rule 2)."""
    if not path.parent.is_dir():
        raise InputError(texts.NO_DIRECTORY.format(path=path.parent))
    if path.exists() and not replace and (yes or not click.confirm(texts.REPLACE.format(path=path))):
        raise InputError(texts.NOT_REPLACED.format(path=path))


class _Questions:
    """The values of options: those given on the command line, answers, or defaults."""

    def __init__(self, given: dict[str, Any], yes: bool) -> None:
        self._given = given
        self._yes = yes

    def one(self, name: str, section: str, option: str, default: str | int = "") -> Any:
        """Return the value of an option, None if it is "none"."""
        return self._value(name, section, option, default, _number_or_text)

    def several(self, name: str, section: str, option: str, default: str) -> list[str]:
        """Return the values of an option that is a list."""
        return list(self._value(name, section, option, default, lambda text: text.replace(",", " ").split()))

    def _value(self, name: str, section: str, option: str, default: str | int, read: Callable[[str], Any]) -> Any:
        def checked(text: str) -> Any:
            value = read(text)
            if value is not None and not _is_valid(section, option, value):
                raise click.BadParameter(texts.EXPECTED.format(what=sentence(SECTIONS[section], option)))
            return value

        given = self._given[name]
        if isinstance(given, tuple):
            given = " ".join(given)
        if given or self._yes:
            try:
                return checked(given or str(default))
            except click.BadParameter as error:
                raise InputError(texts.OPTION_PROBLEM.format(option=name, problem=error.message)) from None
        or_none = texts.OR_NONE if SECTIONS[section].model_fields[option].default is None else ""
        what = sentence(SECTIONS[section], option).rstrip(".")
        question = texts.QUESTION.format(what=what, or_none=or_none, option=name)
        return click.prompt(question, str(default) or None, value_proc=checked)


def _number_or_text(text: str) -> str | int | None:
    if text == _NONE:
        return None
    return int(text) if text.isdecimal() else text


def _is_valid(section: str, option: str, value: object) -> bool:
    """Return whether the schema takes a value for an option on its own."""
    try:
        TypeAdapter(SECTIONS[section].model_fields[option].rebuild_annotation()).validate_python(value)
    except ValidationError:
        return False
    return True


def _own_address() -> str:
    """Return the address that this machine has on the way to others, nothing if it has no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _drawn(path: Path) -> str:
    """Return the secret in a file, which is drawn and written if there is none (rule 2)."""
    try:
        if not path.exists():
            _write(path, f"{token_urlsafe(24)}\n")
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise InputError(texts.NOT_WRITTEN.format(path=path, why=error.strerror)) from None


def _write(path: Path, text: str) -> None:
    """Write a file that only our user can read, and the group of root's directory (rule 3)."""
    try:
        write_private(path, text)
        group = path.parent.stat().st_gid
        if os.geteuid() == 0 and group != 0:
            os.chown(path, 0, group)
            path.chmod(0o640)
    except OSError as error:
        raise InputError(texts.NOT_WRITTEN.format(path=path, why=error.strerror)) from None


def _print_lines(path: Path, gateway: Surroundings) -> None:
    click.echo(texts.FOR_PROSODY.format(lines=server_lines.prosody(gateway)))
    click.echo(texts.FOR_EJABBERD.format(lines=server_lines.ejabberd(gateway)))
    if gateway.relay:
        click.echo(texts.FOR_RTPENGINE.format(lines=server_lines.rtpengine(gateway)))
    click.echo(texts.FOR_FIREWALL.format(lines=server_lines.firewall(gateway)))
    click.echo(texts.NEXT_STEPS.format(path=path))
