"""Run one cell in this process and print its outcome as JSON: python -m faults CELL [--short]."""

import asyncio
import json
import sys

from .cells import named
from .runner import run
from .strikes import FULL, SHORT

print(json.dumps(asyncio.run(run(named(sys.argv[1]), SHORT if "--short" in sys.argv else FULL)).as_dict()))
