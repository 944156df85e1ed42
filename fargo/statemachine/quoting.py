"""The words of strangers, as the user is shown them.

Rules:

1. They stand between quotation marks (in the templates of `texts`), with who has said them before. So nothing that a
   stranger writes can be taken for a sentence of the gateway.
2. They cannot end the quotation, nor contain what cannot be printed, and they are cut.
"""

from typing import Final

_LONGEST: Final = 200
"""Characters."""
_MARKS: Final = str.maketrans("“”„", '"""')


def quotable(text: str) -> str:
    """Return what can be put between quotation marks; "" if nothing is left of it."""
    return "".join(c if c.isprintable() else "?" for c in text.strip()).translate(_MARKS)[:_LONGEST]
