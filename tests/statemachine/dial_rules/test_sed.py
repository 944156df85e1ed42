"""The language of dial rules, and that it means what it means in sed."""

import subprocess
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine.dial_rules import pattern, sed, texts
from fargo.statemachine.dial_rules.sed import BadRule
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.requests import DialRule

NUMBERS = st.text("0123456789+*#", max_size=20)
ATOMS = st.sampled_from(["0", "1", "4", "\\+", ".", "[0-3]", "[^04]", "[[:digit:]]", "(0|01)", "(4)", "[]*+]", "\\*"])
PIECES = st.tuples(ATOMS, st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}"])).map("".join)
PATTERNS = st.builds(
    lambda begin, pieces, end: begin + "".join(pieces) + end,
    st.sampled_from(["", "", "^"]),
    st.lists(PIECES, min_size=1, max_size=4),
    st.sampled_from(["", "", "$"]),
)
REPLACEMENTS = st.lists(st.sampled_from(["0", "44", "+", "&", "\\0", "#"]), max_size=3).map("".join)
RULES = st.builds("s/{}/{}/{}".format, PATTERNS, REPLACEMENTS, st.sampled_from(["", "g", "2", "2g", "g3", "I"]))


def rule(text: str) -> DialRule:
    known = sed.parsed(text)
    assert isinstance(known, DialRule), known
    return known


@pytest.mark.parametrize(
    ("text", "number", "made"),
    [
        ("s/^0/+44/", "01632960000", "+441632960000"),
        ("s/^0/+44/", "+441632960000", "+441632960000"),
        ("s|^\\+44|0|", "+441632960000", "01632960000"),
        ("s,^00,+,", "0049301", "+49301"),
        (r"s/^(..)(.*)$/\2\1/", "123456", "345612"),
        ("s/[0-9]/&&/2", "123", "1223"),
        ("s/1/2/g", "1213", "2223"),
        ("s/1/2/2g", "1113", "1223"),
        ("s/x*/0/g", "12", "01020"),
        ("s/1*/0/g", "2112", "02020"),
        (r"s/^\+900.*//", "+900123", ""),
        (r"s|1\|2|3|", "11|2", "13"),
        (r"s/\*#/\#\*/", "1*#", "1#*"),
        ("s/[\\+]1/2/", "+1", "2"),
    ],
)
def test_a_rule_rewrites_numbers(text: str, number: str, made: str) -> None:
    assert sed.applied(rule(text), number) == made


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("-o s/1/2/", DialRule("s/1/2/", Direction.OUT)),
        ("  -E   -i 's/1/2/'", DialRule("s/1/2/", Direction.IN)),
        ('-r -e "s/1/2/g"', DialRule("s/1/2/g")),
    ],
)
def test_options_and_quotes_are_taken(text: str, known: DialRule) -> None:
    assert sed.parsed(text) == known


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", texts.USAGE),
        ("y/1/2/", texts.USAGE),
        ("s 1 2 ", texts.USAGE),
        ("s/1/2", texts.NO_END.format(delimiter="/")),
        ("s/1\\/2/", texts.NO_END.format(delimiter="/")),
        ("s//2/", texts.EMPTY),
        ("s/1/2/p", texts.FLAGS),
        ("s/1/2/gg", texts.FLAGS),
        ("s/1/2/iI", texts.FLAGS),
        ("s/1/2/0", texts.FLAGS),
        ("s/1/2/e", texts.FLAGS),
        ("s/(1/2/", texts.PATTERN.format(problem="missing )")),
        ("s/(1)\\1/2/", texts.BACK_REFERENCE.format(number=1)),
        ("s/\\d/2/", texts.GNU_ESCAPE.format(letter="d")),
        ("s/\\<1/2/", texts.GNU_ESCAPE.format(letter="<")),
        ("s/[[.1.]]/2/", texts.IN_BRACKETS.format(sign=".")),
        ("s/1{,2}/2/", texts.BRACES),
        ("s/1{2000}/2/", texts.BRACES),
        ("s/(1{1,99}){1,99}/2/", texts.TOO_LARGE),
        ("s/(((1{1,9}){1,9}){1,9}){1,9}/2/", texts.TOO_LARGE),
        ("s/1/\\1/", texts.NO_GROUP.format(number=1)),
        ("s/1/bob/", texts.NOT_OF_NUMBERS.format(text="b")),
        ("s/1/\\n/", texts.NOT_OF_NUMBERS.format(text="\\n")),
        ("s/1/ü/", texts.NOT_ASCII),
        ("s/1/2\n/", texts.NOT_ASCII),
        (f"s/{'1' * sed.LONGEST}/2/", texts.TOO_LONG.format(most=sed.LONGEST)),
    ],
)
def test_what_is_no_rule_is_told(text: str, problem: str) -> None:
    assert sed.parsed(text) == BadRule(problem)


@given(RULES, st.sampled_from([None, *Direction]))
def test_a_rule_is_read_as_it_is_written(text: str, only: Direction | None) -> None:
    known = DialRule(text, only)
    assert sed.parsed(sed.written(known)) == known


@given(st.text() | st.text("s/|()[]{}*+?\\^$.0123&gi-", max_size=40).map(lambda text: f"s/{text}/"), NUMBERS)
def test_any_text_is_a_rule_or_told_to_be_none(text: str, number: str) -> None:
    known = sed.parsed(text)
    if isinstance(known, DialRule):
        assert sed.parsed(sed.written(known)) == known
        assert isinstance(sed.applied(known, number), str)
    else:
        assert known.problem


@given(RULES, NUMBERS)
def test_a_number_without_a_match_stays_as_it_is(text: str, number: str) -> None:
    known = sed.substitution(text)
    assert not isinstance(known, BadRule)
    if known.matches.search(number) is None:
        assert sed.applied(rule(text), number) == number


EVIL = [
    "s/(1*)*2/3/g",
    "s/(1|1)*2/3/g",
    "s/(1|11)+$/3/g",
    "s/1*1*1*1*1*1*1*1*1*1*1*1*2/3/g",
    "s/(((((((((((.*)*)*)*)*)*)*)*)*)*)*)*2/3/g",
    "s/(.?){200}2/3/g",
    "s/(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)2/3/g",
]


@pytest.mark.parametrize("text", EVIL)
def test_no_pattern_takes_long(text: str) -> None:
    """Each of these takes a matcher that goes back more steps than there are atoms."""
    known, number = rule(text), "1" * 1000
    began = process_time()
    assert sed.applied(known, number)
    assert process_time() - began < 5


def test_what_a_pattern_needs_is_limited() -> None:
    assert pattern.compiled("[0-9]{1,300}", False).programsize < 1000


def test_rules_mean_what_they_mean_in_sed(servers: object) -> None:
    """GNU's sed takes each rule for a line of its own, so it is started once for all of them."""
    given_: list[tuple[str, str]] = []

    @given(RULES, NUMBERS)
    def collect(text: str, number: str) -> None:
        given_.append((text, number))

    collect()
    script = "\n".join(f"{line}{text}" for line, (text, _) in enumerate(given_, 1))
    lines = "".join(f"{number}\n" for _, number in given_)
    made = subprocess.run(
        ["sed", "-E", script], input=lines, capture_output=True, text=True, check=True, env={"LC_ALL": "C"}
    )
    for (text, number), expected in zip(given_, made.stdout.splitlines(), strict=True):
        assert sed.applied(rule(text), number) == expected, (text, number)
