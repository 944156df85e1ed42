"""Pseudonyms: the replacement of each name in an export, always the same within it.

Rules:

1. A pseudonym has the shape of its name, so that the core reads the same kind of thing in it: a word becomes a word
   with letters and digits in the same places and cases, an IPv4 address another, a valid domain another.
2. A pseudonym belongs to nobody: domains under .example (RFC 2606), addresses for documentation (RFC 5737, 6676, 3849;
   the further ones for benchmarks, RFC 2544), numbers that begin with 999, which is no country's code.
3. Pseudonyms are numbered in the order in which the names appear, and so say nothing about the names.
4. Session ids keep their order, because ties are broken by it (XEP-0166 §7.2.16), and one of ours still begins with its
   nonce.
5. Call-IDs and tags that the core has derived (`fargo.statemachine.derived`) become those that it derives from the
   pseudonyms of the nonce and of the dialog's name.
6. A number keeps the prefix for other countries, the trunk prefix and the code of the account's country, so that it is
   completed in the same way.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import count
from math import prod
from string import digits
from typing import Final

from fargo.statemachine import derived
from fargo.statemachine.numbering import complete
from fargo.statemachine.numbering_plans import PLANS

_CONSONANTS: Final = "xzqvjkwbdfghlmnprstc"
_VOWELS: Final = "aoiuey"
_FOREIGN: Final = "éèêëíïóôöúûü"
_ASCII: Final = 127
_STEP: Final = 7919
"""A prime, so that pseudonyms of successive names look different."""
_NOBODYS: Final = "999"
_SHORT: Final = 2
"""A number of this length or shorter is a version, a place or a count, and is kept."""
_OURS: Final = re.compile(r"\d{1,8}(-\d{1,8}-(plain|ice|dtls))?")
"""The part behind the nonce in our names of sessions with clients and at the relay: versions of events."""
_BEHIND_DASH: Final = re.compile(r"(?<=-)[0-9a-f]{16}")
"""The hashes in the name of a dialog, or in a tag of ours."""
_NETWORKS: Final = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15")
_MULTICAST: Final = ("233.252.0.0/24",)


def key(word: str) -> str:
    """Return the same text for two spellings of a word: JIDs are folded (RFC 6122 §3.3, RFC 3454 B.2)."""
    return unicodedata.normalize("NFKC", word).casefold()


class Found:
    """A renaming that changes nothing, and collects the names in a log: each once, in the order of their appearance."""

    def __init__(self) -> None:
        self.words: dict[str, None] = {}
        self.hosts: dict[str, None] = {}
        self.addresses: dict[str, None] = {}
        self.hashes: dict[str, None] = {}
        self.nonces: dict[str, None] = {}
        self.sessions: dict[str, None] = {}
        self.dialogs: dict[str, None] = {}

    def word(self, word: str) -> str:
        self.words[key(word)] = None
        return word

    def host(self, name: str) -> str:
        self.hosts[name.lower()] = None
        return name

    def address(self, address: str) -> str:
        self.addresses[address] = None
        return address

    def hash(self, value: str) -> str:
        self.hashes[value] = None
        return value

    def nonce(self, nonce: str) -> str:
        self.nonces[nonce] = None
        return nonce

    def session(self, name: str) -> str:
        self.sessions[name] = None
        return name

    def dialog(self, name: str) -> str:
        self.dialogs[name] = None
        return name


class Pseudonyms:
    """A renaming that replaces each name that was found. Words in `kept` (lower case) stay, and so do names that were
    not found.
    """

    def __init__(self, found: Found, kept: frozenset[str], country: str | None = None) -> None:
        self._country = country
        names = dict.fromkeys(self._name(word) for word in found.words if word not in kept)
        words = [word for word in names if word not in kept and not _is_short(word)]
        self.words: Final = dict(zip(words, _words(words, kept.union(found.words)), strict=True))
        self._hosts = {name: f"host{n}.example" for n, name in enumerate(found.hosts, 1)}
        self._addresses = _addresses(found.addresses)
        self._hashes = {value: _counted(value, n) for n, value in enumerate(found.hashes, 1)}
        self._nonces = sorted(found.nonces.keys() - {""}, key=lambda nonce: (-len(nonce), nonce))
        foreign = (name for name in found.sessions if name and not self._is_ours(name))
        sessions = sorted({*self._nonces, *foreign})
        width = len(str(len(sessions)))
        self._sessions = {name: f"session{n:0{width}}-" for n, name in enumerate(sessions)}
        told = dict.fromkeys(each for name in found.dialogs for each in _BEHIND_DASH.findall(name))
        self._of_dialogs = {value: f"{n:016x}" for n, value in enumerate(told, 1)}
        self._derived = dict(self._derivations(found))

    def _derivations(self, found: Found) -> Iterator[tuple[str, str]]:
        """Yield what the core has derived, and what it derives from the pseudonyms (rule 5).

        The nonce "" is that of calls that came for nobody. A tag tells the name of its dialog.
        """
        names = {known for name in found.dialogs for known in (name, name.rpartition("-")[0]) if known}
        for nonce in ("", *self._nonces):
            to = self.nonce(nonce)
            for name in names:
                yield derived.call_id(nonce, name), derived.call_id(to, self._of_dialog(name))
                yield derived.tag(nonce, name), derived.tag(to, self._of_dialog(name))

    def _of_dialog(self, name: str) -> str:
        return _BEHIND_DASH.sub(lambda found: self._of_dialogs.get(found[0], found[0]), name)

    def dialog(self, name: str) -> str:
        return self._derived.get(name) or self._of_dialog(name)

    def word(self, word: str) -> str:
        if (derivation := self._derived.get(word)) is not None:
            return derivation
        name = self._name(word)
        known = self.words.get(key(name))
        if known is None:
            return word
        if name != word:
            return word.removesuffix(name) + known
        return _in_case(known, word) if len(known) == len(word) else known

    def _name(self, word: str) -> str:
        """Return what a word is renamed for: all of it, but only what follows the prefixes of a number (rule 6)."""
        known = complete(word, self._country) if word.isascii() and word.isdecimal() else word
        if known == word:
            return word
        return known[1:].removeprefix(PLANS[self._country or ""].code)

    def host(self, name: str) -> str:
        known = self._hosts.get(name.lower())
        if known is None:
            return name
        return known if name == name.lower() else known.upper()

    def address(self, address: str) -> str:
        return self._addresses.get(address, address)

    def hash(self, value: str) -> str:
        return self._hashes.get(value, value)

    def nonce(self, nonce: str) -> str:
        return self._sessions.get(nonce, nonce)

    def session(self, name: str) -> str:
        ours = self._is_ours(name)
        return self._sessions[ours] + name[len(ours) :] if ours else self._sessions.get(name, name)

    def _is_ours(self, name: str) -> str:
        """Return the nonce that one of our names begins with, "" if the name is not ours."""
        return next((n for n in self._nonces if name.startswith(n) and _OURS.fullmatch(name[len(n) :])), "")


def _is_short(word: str) -> bool:
    return word.isdecimal() and len(word) <= _SHORT


def _words(words: Iterable[str], taken: frozenset[str]) -> Iterator[str]:
    """Yield a pseudonym for each word. None is among those taken, and none comes twice."""
    given = set(taken)
    for number, word in enumerate(words):
        pseudonym = next(shaped for shaped in _shaped(word, number) if shaped not in given)
        given.add(pseudonym)
        yield pseudonym


def _shaped(word: str, first: int) -> Iterator[str]:
    """Yield all words of the same shape, beginning at a place that depends on a number; then longer ones."""
    if word.isdecimal() and len(word) > len(_NOBODYS):
        alphabets = [*_NOBODYS, *[digits] * (len(word) - len(_NOBODYS))]
    else:
        alphabets = list(_alphabets(word))
    begin, size = (first + 1) * _STEP, prod(map(len, alphabets))
    for number in count(begin):
        shaped, rest = [], number
        for alphabet in alphabets:
            rest, place = divmod(rest, len(alphabet))
            shaped.append(alphabet[place])
        yield "".join(shaped) + (str(number) if number >= begin + size else "")


def _alphabets(word: str) -> Iterator[str]:
    """Yield the characters that may stand in each place of a word; consonants and vowels alternate."""
    vowel = False
    for char in word:
        if char.isdecimal() and ord(char) <= _ASCII:
            yield digits
        elif ord(char) > _ASCII:
            yield _FOREIGN
        else:
            yield _VOWELS if vowel else _CONSONANTS
            vowel = not vowel


def _in_case(pseudonym: str, word: str) -> str:
    return "".join(new.upper() if old.isupper() else new for new, old in zip(pseudonym, word, strict=True))


def _addresses(addresses: Iterable[str]) -> dict[str, str]:
    """Return the pseudonyms of IP addresses; one that means "any" is kept."""
    single, group, six = _hosts_of(_NETWORKS), _hosts_of(_MULTICAST), count(1)
    given = {}
    for text in addresses:
        address = ipaddress.ip_address(text)
        if address.is_unspecified:
            continue
        if address.version == 6:
            given[text] = f"2001:db8::{next(six):x}"
        else:
            given[text] = str(next(group if address.is_multicast else single))
    return given


def _hosts_of(networks: Iterable[str]) -> Iterator[ipaddress.IPv4Address]:
    return (host for network in networks for host in ipaddress.IPv4Network(network).hosts())


def _counted(value: str, number: int) -> str:
    """Return a number as octets in hexadecimal, as many as the value has."""
    size = value.count(":") + 1
    return number.to_bytes(size).hex(":").upper()
