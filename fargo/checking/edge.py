"""The SIP edge: if kamailio takes the configuration that it would get (`kamailio -c`).

Rule: the configuration is written into a directory of its own for the time of the check, with other keys than those of
the gateway. kamailio binds nothing.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Final

from fargo.checking import texts
from fargo.checking.finding import Finding, fine, problem
from fargo.config import Config
from fargo.edge.run import command, write_configuration
from fargo.edge_settings import edge_settings
from fargo.plain import plain

_SECONDS: Final = 20
_ONLY_CHECK: Final = "-c"
_NO_MODULE: Final = re.compile(r"could not find module <([\w.-]+)>")
_ERROR: Final = re.compile(r"(?:ERROR|CRITICAL): .*\): (.+)")
_MOST_TEXT: Final = 300


def findings(config: Config) -> Iterator[Finding]:
    """Find if kamailio refuses its configuration. Needs a kamailio that runs (`programs`)."""
    with TemporaryDirectory(prefix="fargo-check-") as directory:
        settings = replace(edge_settings(config, token_hex(32)), run_dir=Path(directory) / "edge")
        write_configuration(settings)
        why = _refused([*command(settings), _ONLY_CHECK])
    if why is None:
        yield fine(texts.EDGE_FINE)
    else:
        yield problem("programs.kamailio", why)


def _refused(given: list[str]) -> str | None:
    """Return why kamailio does not take its configuration, None if it does."""
    try:
        done = subprocess.run(given, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return texts.EDGE_REFUSED.format(why=texts.NO_END.format(seconds=_SECONDS))
    except OSError as error:
        return texts.EDGE_REFUSED.format(why=error.strerror)
    if done.returncode == 0:
        return None
    output = plain((done.stderr + done.stdout).decode(errors="replace"), kept="\n")
    if module := _NO_MODULE.search(output):
        return texts.MODULE_MISSING.format(module=module[1])
    told = _ERROR.search(output)
    lines = output.strip().splitlines() or [texts.NO_WORDS]
    return texts.EDGE_REFUSED.format(why=(told[1] if told else lines[-1])[:_MOST_TEXT])
