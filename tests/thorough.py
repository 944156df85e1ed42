"""Further searches than those of `script/test`: `script/fuzz --stories` runs the tests with the profile "thorough"."""

from hypothesis import settings

EXAMPLES = 1000


def is_thorough() -> bool:
    """Return True with the profile "thorough" (conftest.py)."""
    return settings().max_examples == EXAMPLES


def examples(number: int) -> int:
    """Return how many examples a property takes that needs long for each: `number` in `script/test`."""
    return EXAMPLES if is_thorough() else number
