"""The sentences of the modules beside this one, for people. Names in braces are filled in by `str.format`."""

from typing import Final

# --- requests that the server of the pages refuses

NO_SUCH_PAGE: Final = "There is no such page."
NO_SUCH_CALL: Final = "There is no such call in the log."
NO_SUCH_USER: Final = "There is no such user in the log."
OTHER_HOST: Final = "This server answers requests to 127.0.0.1 and localhost only."
BAD_SEARCH: Final = "These calls cannot be searched for: {why}."

# --- accepting golden logs

WRITTEN: Final = "{path} has been updated."
