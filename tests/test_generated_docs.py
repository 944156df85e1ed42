"""The generated pages are up to date, and do not depend on the order of sets, which is another one here."""

import os
import subprocess
import sys
from pathlib import Path

GENERATOR = Path(__file__).parents[1] / "script/documentation"


def test_the_pages_are_what_the_source_gives() -> None:
    """If this fails, run script/generate-docs."""
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = (sys.executable, GENERATOR, "--check")
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert checked.returncode == 0, checked.stderr
