"""The sentences about dial rules.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- why a text is no rule

USAGE: Final = "A rule looks like s/^0/+44/: s, a pattern, and what takes its place, between three equal characters."
TOO_LONG: Final = "A rule has at most {most} characters."
NOT_ASCII: Final = "A rule can contain only what stands on an English keyboard."
NO_END: Final = "The rule needs three “{delimiter}”: before the pattern, behind it, and at the end, as in s/^0/+44/."
EMPTY: Final = "The rule has no pattern."
FLAGS: Final = "Behind a rule can stand g, i and a number such as 2, each once, and nothing else."
PATTERN: Final = "The pattern is not valid: {problem}."
BACK_REFERENCE: Final = "The pattern cannot refer to a group with \\{number}; what is put in its place can."
GNU_ESCAPE: Final = "A pattern has no “\\{letter}”. Write [0-9] for a digit, and \\ only before a sign, as in \\+."
IN_BRACKETS: Final = "A pattern has no “[{sign}”."
BRACES: Final = "Braces contain one number, or two with a comma between them. A brace of the text has a \\ before it."
TOO_LARGE: Final = "The pattern is too large. Use smaller numbers in braces."
NO_GROUP: Final = "The pattern has no group {number}."
NOT_OF_NUMBERS: Final = "Only digits, +, *, #, & and \\1 to \\9 can be put into a number, and no “{text}”."

# --- why a number is not called

REFUSED: Final = "This number is not allowed. The rule {rule} forbids it."
NO_NUMBER: Final = "The rule {rule} makes “{text}” of this number, which is no telephone number."
