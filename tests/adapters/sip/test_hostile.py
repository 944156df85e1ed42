"""Hostile messages: they raise no exception but ours, and take time in proportion to their length."""

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import fargo.adapters.sip.wire
from fargo.adapters.sip.wire import digest, grammar, headers, message, uri

from .messages import INVITE
from .reading import ACCEPTED, DROPPED, outcome
from .rfc4475 import RFC4475
from .rfc5118 import RFC5118

SEEDS = [INVITE, *RFC4475.values(), *RFC5118.values()]
JUNK = [
    *(b'"', b"<", b">", b"\\", b",", b";", b"=", b":", b"@", b"[", b"]", b"%", b"?", b"/", b"*", b" ", b"\t"),
    *(b"\r", b"\n", b"\r\n", b"\r\n ", b"\r\n\r\n", b"\x00", b"\x7f", b"\xff", b"\xc3\xa4", "٣".encode()),
    *(b"sip:", b"SIP/2.0 ", b"tel:", b"9" * 40, b"a" * 300, b"-1", b";tag=", b"Via: ", b"To: ", b"\r\nCSeq: 1 ACK\r\n"),
    *(b"Content-Length: 5\r\n", b"Require: x y\r\n", b'WWW-Authenticate: Digest realm="'),
]


def mutated(chance: random.Random) -> bytes:
    """Return a message in which some places were changed."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(1, 6)):
        place, length = chance.randrange(len(data) + 1), chance.randint(0, 12)
        match chance.randrange(5):
            case 0:
                data[place : place + length] = b""
            case 1:
                data[place : place + length] = chance.choice(JUNK)
            case 2:
                data[place:place] = data[chance.randrange(len(data) + 1) :][: length * 10]
            case 3:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case _:
                other = chance.choice(SEEDS)
                data[place:] = other[chance.randrange(len(other)) :]
    return bytes(data)


def test_ten_thousand_mutated_messages_are_accepted_refused_or_dropped() -> None:
    chance = random.Random(4475)
    found = [outcome(mutated(chance)) for _ in range(10_000)]
    assert set(found) == {ACCEPTED, DROPPED, 400, 416, 505}


# --- time


def patterns() -> Iterator[re.Pattern[str]]:
    for module in (digest, grammar, headers, message, uri):
        yield from (each for each in vars(module).values() if isinstance(each, re.Pattern))


def written(pattern: re.Pattern[str]) -> str:
    return pattern.pattern


def repeats(tree: Any) -> Iterator[tuple[str, int]]:
    """Yield the name and the greatest number of each repetition in a parsed pattern."""
    match tree:
        case (name, (_, int(most), _)) if str(name).endswith("REPEAT"):
            yield str(name), int(most)
    if isinstance(tree, tuple | list | re._parser.SubPattern):  # type: ignore[attr-defined]
        for each in tree:
            yield from repeats(each)


PATTERNS = sorted(set(patterns()), key=written)
"""Sorted, as parallel workers must collect the same tests."""


@pytest.mark.parametrize("pattern", PATTERNS, ids=written)
def test_no_pattern_gives_back_what_it_has_taken(pattern: re.Pattern[str]) -> None:
    """A repetition without an end is possessive, so a match cannot be tried in a second way."""
    parsed = re._parser.parse(pattern.pattern, pattern.flags)  # type: ignore[attr-defined]
    assert [each for each, most in repeats(parsed) if "POSSESSIVE" not in each and most > 1000] == []


def test_the_patterns_are_found() -> None:
    source = "".join(path.read_text() for path in Path(fargo.adapters.sip.wire.__path__[0]).glob("*.py"))
    assert len(PATTERNS) == source.count("re.compile(")
    assert list(repeats(re._parser.parse("(a|b+)*"))) != []  # type: ignore[attr-defined]


HOSTILE = {
    "quotes": b'"',
    "pairs of quotes": b'"" ',
    "backslashes": b'"\\',
    "brackets": b"<",
    "pairs of brackets": b"<>",
    "commas": b",",
    "semicolons": b";",
    "parameters": b";a=",
    "spaces": b" ",
    "folds": b"x\r\n ",
    "digits": b"1",
    "addresses": b"<sip:a@b>,",
    "schemes": b"Digest a=b,",
    "colons": b":",
    "letters": b"a",
    "ends": b"x@[",
}
NAMES = [
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Record-Route", "Require", "Supported", "Session-Expires"),
    *("Retry-After", "Reason", "Warning", "P-Asserted-Identity", "Privacy", "WWW-Authenticate", "RAck", "X"),
]


def steps(data: bytes) -> int:
    """Return how many functions are called to read a message, those of C included, with nothing remembered."""
    count = 0

    def called(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    for each in (grammar.items, grammar.tokens, grammar.address, uri.parse_uri):
        each.cache_clear()
    sys.setprofile(called)
    try:
        outcome(data)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_steps_grows_with_the_length_only(name: str, kind: str) -> None:
    def hostile(times: int) -> bytes:
        value = (HOSTILE[kind] * (times // len(HOSTILE[kind])))[:times].rstrip(b"\r\n ")
        lines = [line for line in INVITE.split(b"\r\n") if not line.startswith(name.encode() + b":")]
        return b"\r\n".join([lines[0], name.encode() + b": " + value, *lines[1:]])

    few, many = steps(hostile(600)), steps(hostile(1200))
    assert many <= 2 * few + 50
