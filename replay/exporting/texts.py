"""The sentences of this package for people. A text with names in braces is a template for `str.format`."""

from typing import Final

NOT_RENAMABLE: Final = (
    "Event {version} would lead to other commands if its names were replaced. "
    "With names (--with-names) the call can be exported."
)
