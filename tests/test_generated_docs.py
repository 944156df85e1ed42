"""The pages that are made from the source are as the source would have them, whichever way sets are ordered today."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GENERATOR = Path(__file__).parents[1] / "script/documentation"


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_page_of_the_state_machine_is_what_the_source_gives(seed: str) -> None:
    """If not: script/generate-docs."""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = (sys.executable, GENERATOR, "--check")
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert checked.returncode == 0, checked.stderr
