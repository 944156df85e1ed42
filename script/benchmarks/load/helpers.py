"""The processes of the load from outside: started, given orders, and ended."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from world.prepared import ON_ITS_OWN

HERE = Path(__file__).parent
_LONGEST_ANSWER = 1 << 28
_PATIENCE = 60.0


class HelperError(Exception):
    """A process of the load has ended. What it said is on standard error."""


class Helper:
    """A process that runs a script of this package, until the context is left."""

    def __init__(self, script: str, told: Mapping[str, object]) -> None:
        self._script = script
        self._told = json.dumps(told)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *(*ON_ITS_OWN, sys.executable, str(HERE / f"{self._script}.py"), self._told),
            stdin=pipe,
            stdout=pipe,
            limit=_LONGEST_ANSWER,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()

    async def ask(self, do: str, seconds: float = 0.0, **more: object) -> Any:
        """Give an order, and return its answer. It takes so many seconds, and a minute more at most."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        async with asyncio.timeout(seconds + _PATIENCE):
            answer = await self._process.stdout.readline()
        if not answer:
            raise HelperError(f"{self._script} has ended")
        return json.loads(answer)
