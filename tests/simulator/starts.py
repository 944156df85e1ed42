"""Where explorations begin: one call ahead, of each kind."""

from typing import Final

from msgspec.structs import replace

from .world import ASKING, DESK, MOBILE, World, signed_in

STARTS: Final[dict[str, World]] = {
    "out": signed_in(replace(DESK, calls=1)),
    "out, proposed": signed_in(replace(ASKING, calls=1)),
    "in to two": signed_in(DESK, MOBILE, calls=1),
    "in to one that asks first": signed_in(ASKING, calls=1),
    "in to both kinds": signed_in(DESK, ASKING, calls=1),
}
