"""Pictures of clients for the documentation, and the names in them, which are examples (RFC 2606).

A test that walks through what a picture is to show takes it on its way. Nothing is written unless the tests are run
with `--pictures DIRECTORY`, as `script/pictures` does.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from .prosody import Prosody
from .provider import Provider

NUMBER: Final = "+441632960000"
"""The number of the phone, from a range that Ofcom has set aside for examples."""


class ExampleServer(Prosody):
    """The XMPP server at example.org."""

    domain = "example.org"
    component = "sip.example.org"


class ExampleProvider(Provider):
    """A SIP provider."""

    domain = "example.net"


NAMES: Final = {"server": ExampleServer, "provider": ExampleProvider}
"""The world of tests that take pictures: arguments of `World`."""


class Pictures:
    """The pictures that are asked for: all if there is a directory, or else none."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    async def take(self, name: str, picture: Callable[[Path], Awaitable[None]]) -> None:
        """Let a client write a picture, if any are asked for."""
        if self._directory:
            await picture(self._directory / f"{name}.png")
