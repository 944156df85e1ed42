"""The languages of users: catalogues that are complete, sentences found in them again, and stanzas in them."""

import re
from importlib import import_module
from pathlib import Path
from string import Formatter

import polib
import pytest

from fargo import languages
from fargo.adapters.xmpp import chat
from fargo.adapters.xmpp.readers import Readers
from fargo.languages.catalog import ENGLISH, LANGUAGES, Catalog, catalogs, known
from fargo.limits import texts as limits
from fargo.statemachine.account import texts as account
from fargo.statemachine.legs.user_agent import texts as user_agent
from fargo.statemachine.self_service import texts as self_service

from .elements import parse

ROOT = Path(__file__).parents[3]
FILES = Path(languages.__file__).parent
OTHERS = [each for each in LANGUAGES if each != ENGLISH]
MODULES = [
    *sorted(path for path in (ROOT / "fargo/statemachine").rglob("texts.py")),
    ROOT / "fargo/adapters/xmpp/texts.py",
    ROOT / "fargo/limits/texts.py",
    ROOT / "fargo/operations/texts.py",
]
"""The modules with sentences for users."""
NOT_FOR_USERS = re.compile("for the operator|for the core|until a deadline|a deadline of a call|another path than was")
"""The headings of sections without any."""
OF_RECORDS = {
    *("BOTH_PLAIN", "WANTS_OTHER_PROFILE", "ICE", "DTLS", "RELAY_ALWAYS", "NO_COMMON_CODEC_OFFERED", "OTHER_FAMILY"),
    *("RELAY_ENCRYPTS", "RELAY_FOR_VIDEO"),
}
"""The reasons for a call's audio path: for the readers of the log."""
DE = catalogs()["de"]


def sentences() -> dict[str, str]:
    """Return every sentence for users, with the place where it is."""
    found: dict[str, str] = {}
    for path in MODULES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = import_module(name)
        heading = ""
        for line in path.read_text().splitlines():
            heading = line if line.startswith("# ---") else heading
            constant = re.match(r"([A-Z_0-9]+): Final", line)
            if constant and constant[1] not in OF_RECORDS and not NOT_FOR_USERS.search(heading):
                value = getattr(module, constant[1])
                for text in value.values() if isinstance(value, dict) else [value]:
                    found |= dict.fromkeys(text.split("\n"), f"{name}.{constant[1]}")
    return {text: where for text, where in found.items() if re.search("[a-z]{2}|“", "".join(plain(text)))}


def plain(template: str) -> list[str]:
    return [text for text, *_ in Formatter().parse(template)]


def names(template: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(template) if name}


def catalog(language: str) -> dict[str, str]:
    return {each.msgid: each.msgstr for each in polib.pofile(str(FILES / f"{language}.po"))}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_for_users_is_translated(language: str) -> None:
    known = catalog(language)
    assert {text: where for text, where in sentences().items() if not known.get(text)} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_left_over(language: str) -> None:
    used = sentences()
    assert [each for each in catalog(language) if each not in used] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_values_of_its_sentence(language: str) -> None:
    assert {each: said for each, said in catalog(language).items() if not names(said) <= names(each)} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_found_again_with_its_values(language: str) -> None:
    spoken = catalogs()[language]
    for each, said in catalog(language).items():
        for sample in ("Zork", "ß (404)", "7"):
            values = dict.fromkeys(names(each), sample)
            assert spoken.translated(each.format(**values)) == said.format(**values), each


@pytest.mark.parametrize("language", OTHERS)
def test_what_users_can_write_is_named_in_every_language(language: str) -> None:
    """Words that users can write are quoted, and the same in all languages."""
    quoted = re.compile(r"[“„]([a-z][^”“„]*)[”“]")
    assert {
        each: said for each, said in catalog(language).items() if quoted.findall(each) != quoted.findall(said)
    } == {}


def test_what_is_put_together_is_taken_apart() -> None:
    refused = account.CREDENTIALS_REFUSED.format(domain="sip.test", uri="sip:a@sip.test")
    said = DE.translated(account.RETRYING.format(problem=refused))
    assert said.startswith("sip.test hat den Benutzernamen oder das Passwort von sip:a@sip.test abgelehnt.")
    assert said.endswith("Bald folgt ein neuer Versuch.")
    words = self_service.HELP.format(gateway="sip.localhost", number="030 23125000")
    answer = f"{self_service.NOT_UNDERSTOOD}\n{words}"
    lines = DE.translated(answer).splitlines()
    assert len(lines) == len(answer.splitlines())
    assert not set(lines) & set(answer.splitlines())
    assert all(word in DE.translated(answer) for word in ("help", "status", "calls", "hang up", "busy on"))
    assert chat.request("help")


def test_who_hides_their_number_does_so_in_every_language() -> None:
    text = self_service.WAS_CALLED.format(ago="just now", peer=self_service.ANONYMOUS, outcome=self_service.RINGING)
    said = "gerade eben: Jemand, der die eigene Nummer nicht zeigt, hat Sie angerufen. Es klingelt."
    assert DE.translated(text) == said


def test_names_and_numbers_are_never_translated() -> None:
    text = user_agent.SAID_BY_SERVER.format(domain="Password", words="Nobody answered.", status=480)
    assert DE.translated(text) == "Password sagt: „Nobody answered.“ (480)"
    assert DE.translated("Something else.") == "Something else."


def test_the_most_special_sentence_counts() -> None:
    found = Catalog({"{a}.": "general {a}", "It rings at {a}.": "special {a}"})
    assert found.translated("It rings at Bob.") == "special Bob"
    assert found.translated("Bob.") == "general Bob"
    assert Catalog({"{a} and {a}": "zweimal {a}"}).translated("x and y") == "x and y"


@pytest.mark.parametrize(("tag", "language"), [("de", "de"), ("de-AT", "de"), ("EN", "en"), ("fr", None), ("", None)])
def test_tags(tag: str, language: str | None) -> None:
    assert known(tag) == language


# --- stanzas


def said(readers: Readers, xml: str) -> str:
    stanza = parse(xml)
    readers.translate(stanza)
    return str(stanza.toXml())


BUSY = "<text xmlns='urn:x' xml:lang='en'>This gateway has too much to do. Try again in a few minutes.</text>"
TO = "to='alice@localhost/x'"


def test_users_are_spoken_to_as_they_speak() -> None:
    readers = Readers()
    refused = f"<iq {TO}><error>{BUSY}</error></iq>"
    assert limits.BUSY in said(readers, refused)
    readers.heard("alice@localhost/y", parse("<presence xml:lang='de-AT'/>"))
    assert "Dieses Gateway hat zu viel zu tun." in said(readers, refused)
    assert "xml:lang='de'" in said(readers, refused)
    assert limits.BUSY in said(readers, refused.replace("alice", "bob"))
    readers.heard("alice@localhost/x", parse("<presence xml:lang='fr'/>"))
    readers.heard("alice@localhost/x", parse("<presence/>"))
    assert limits.BUSY not in said(readers, refused)
    readers.heard("alice@localhost/x", parse("<presence xml:lang='en'/>"))
    assert limits.BUSY in said(readers, refused)


def test_the_operator_chooses_for_those_who_say_nothing() -> None:
    readers = Readers()
    readers.default = "de"
    assert limits.BUSY not in said(readers, f"<iq {TO}><error>{BUSY}</error></iq>")


def test_the_names_of_commands_are_translated_and_those_of_people_are_not() -> None:
    readers = Readers()
    readers.default = "de"
    items = "<item xmlns='http://jabber.org/protocol/disco#items' name='Show the status' node='status'/>"
    assert "name='Den Status anzeigen'" in said(readers, f"<iq {TO}>{items}</iq>")
    offered = "<item xmlns='http://jabber.org/protocol/rosterx' name='Show the status'/>"
    assert offered in said(readers, f"<message {TO}>{offered}</message>")


def test_labels_and_texts_are_translated_and_nothing_else() -> None:
    readers = Readers()
    readers.default = "de"
    form = said(
        readers,
        f"<iq {TO}><x><title>SIP account</title><field label='Password' var='Password'><value>Never</value></field>"
        "<name>Password</name></x></iq>",
    )
    assert "<title>SIP-Konto</title>" in form
    assert "label='Passwort'" in form
    assert "var='Password'" in form
    assert "<name>Password</name>" in form
    assert "<FN>Telefone bei x</FN>" in said(readers, f"<iq {TO}><vCard><FN>Telephones at x</FN></vCard></iq>")
