"""Every name in a string is found and renamed; what the core reads in strings stays what it was, under other names."""

import re
from typing import Any

import pytest
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st

from fargo.statemachine import address, dialling, numbering
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.dialling import AddressBook
from fargo.statemachine.legs.sip.phases import Access
from fargo.statemachine.legs.telepathy.telepathy_leg import caller
from fargo.statemachine.media.description import Content
from fargo.statemachine.model.call1 import CallArrived, CallStateChanged, PlaceCall
from fargo.statemachine.model.call_records import RecordEnded, Side
from fargo.statemachine.model.commands import Issued, SendText, SignIn, TerminateSession
from fargo.statemachine.model.events import IqSucceeded, PresenceProbed, RegistrationSubmitted, SipAccount
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInformed
from fargo.statemachine.model.presence import Client
from fargo.statemachine.model.sip_messages import Binding, KeepFlow
from fargo.statemachine.model.sip_values import (
    Challenge,
    Endpoint,
    Hop,
    Party,
    ReasonValue,
    RequestHead,
    Sdp,
    SessionTimer,
    SipHeaders,
    WarningValue,
)
from fargo.statemachine.reason import Cause
from replay.exporting.keep_words import WORDS
from replay.exporting.pseudonyms import Found, Pseudonyms
from replay.exporting.scrub import renamed


class Marks:
    """Marks what is found, and as what."""

    def word(self, word: str) -> str:
        return f"[{word}]"

    def host(self, name: str) -> str:
        return f"<{name}>"

    def address(self, address: str) -> str:
        return f"({address})"

    def hash(self, value: str) -> str:
        return f"#{len(value)}"

    def nonce(self, nonce: str) -> str:
        return f"nonce {nonce}"

    def session(self, name: str) -> str:
        return f"session {name}"

    def dialog(self, name: str) -> str:
        return f"dialog {name}"


def marked(value: Any) -> Any:
    return renamed(value, Marks())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alice@example.org/laptop 7", "[alice]@<example.org>/[laptop] [7]"),
        ("bob%sip.example.net@gw.example.org", "[bob]%<sip.example.net>@<gw.example.org>"),
        ("bob%de.example.net@gw", "[bob]%<de.example.net>@[gw]"),
        (r"bob\40example.net@gw.test", r"[bob]\40<example.net>@<gw.test>"),
        (r"john.smith\40example.net\3a5070@gw.test", r"[john].[smith]\40<example.net>\3a5070@<gw.test>"),
        (r"a\5c40b\20c", r"[a]\5c40[b]\20[c]"),
        ("bob%40example.net", "[bob]%<40example.net>"),
        ("john.smith@example.net, John.Smith", "[john].[smith]@<example.net>, <John.Smith>"),
        ("+441632960000@example.net:5070.", "+[441632960000]@<example.net>:5070."),
        ("sip:j%C3%B6.x%40y%20z@10.1.2.3:5061;x", "sip:%5Bj%C3%B6%5D.%5Bx%5D%40%5By%5D%20%5Bz%5D@(10.1.2.3):5061;[x]"),
        ("sip:ann:pw@x", "sip:%5Bann%5D:%5Bpw%5D@[x]"),
        ("SIPS:ann@[2001:db8::7]:5061", "SIPS:%5Bann%5D@[(2001:db8::7)]:5061"),
        ("10.1.2.3 1.2.3 10.1.2.3.4 300.1.1.1", "(10.1.2.3) [1].[2].[3] [10].[1].[2].[3].[4] [300].[1].[1].[1]"),
        ("fe80::1%eth0 12:30:45 ::ffff:10.1.2.3", "(fe80::1)%[eth0] [12]:[30]:[45] (::ffff:10.1.2.3)"),
        (r"bob%[2001\3adb8\3a\3a7]\3a5070@gw", r"[bob]%[(2001\3adb8\3a\3a7)]\3a5070@[gw]"),
        ("7C:4E:B9:01:B9:5C:A0:D9:D3:D8 7C:4E", "#29 [7C]:[4E]"),
        (r"1\3a2\3a3", r"[1]\3a[2]\3a[3]"),
        ("sha-256 sha-2567 256", "sha-256 [sha]-[2567] [256]"),
        ("“Ünal” – naïve_x", "“[Ünal]” – [naïve]_[x]"),
        ("http://jabber.org/protocol#caps http://client.example/#q/Z+=", "[http]://jabber.org/[protocol]#[caps] [http]://<client.example>/#[q]/[Z]+="),
        ("it should look like alice@sip.example.org.", "[it] [should] look like alice@sip.example.org."),
        ("call on 2026-01-02 at 03:04 UTC.", "[call] on 2026-01-02 at 03:04 UTC."),
        ("org.freedesktop.Telepathy.Error.Busy", "org.freedesktop.Telepathy.Error.[Busy]"),
        (f"{'a' * 64}.example.org", f"[{'a' * 64}].[example].[org]"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_found_in_a_text(text: str, found: str) -> None:
    assert marked(text) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (SessionInformed(Iq("a@b", "c@d", "7"), "nonce7", "hold"), "session nonce7"),
        (RegistrationSubmitted(Iq("a@b", "c@d", "7"), SipAccount("x"), "s", "abc"), "nonce abc"),
        (SipAccount("no-domain"), "[no]-[domain]"),
        (SipAccount("x@y", "ann.lee"), "[ann].[lee]"),
        (Client("caps#x", "123.4"), "123.4"),
        (Issued("a@b", "123.4", SendText("a", "b", "c")), "123.4"),
        (PlaceCall("1.0", "sip:ann@x.example", (), ()), "sip:%5Bann%5D@<x.example>"),
        (IqSucceeded("123.4", "a@b"), "123.4"),
        (IqSucceeded("123.4/x", "a@b"), "[123].[4]/[x]"),
        (IqSucceeded("493012345.4", "a@b"), "[493012345].[4]"),
        (CallStateChanged("1.0/17", 6, message="404 Not ann (486)"), "404 [Not] [ann] (486)"),
        (TerminateSession("a", "b", "c", "gone", "x.example says: 404 (99)"), "<x.example> [says]: [404] ([99])"),
        (RecordEnded("17", Side.PHONE, Cause.BUSY, "x.example says: No (486)"), "<x.example> [says]: [No] (486)"),
        (SipAccount("sip:ann%40b@c.example"), "sip:%5Bann%5D@%5Bb%5D@<c.example>"),
    ],
)
def test_fields_with_a_grammar_of_their_own(value: Any, found: str) -> None:
    told = marked(value)
    fields = {getattr(told, name) for name in told.__struct_fields__}
    assert found.replace("%5D@%5Bb", "%5D%40%5Bb") in fields


def test_what_is_no_string_stays() -> None:
    event = CallStateChanged("1.0/17", 6, 2)
    assert marked(event) == event
    assert marked(RecordEnded("1", Side.PHONE, Cause.BUSY)) == RecordEnded("1", Side.PHONE, Cause.BUSY)
    assert marked(Content("v")) == Content("[v]")
    assert marked({"a": (1, None, ("b",))}) == {"[a]": (1, None, ("[b]",))}


def test_the_parameters_of_a_uri_are_read_without_their_escapes() -> None:
    uri = "sip:ann@x.example;fg-name=J%C3%B6%3B%20B%0Ao;fg-cid=7%4010.1.2.3;lr?a=b"
    told = marked(CallArrived("1.0/1", "1.0", uri, (), (), 3)).caller
    assert told == (
        "sip:%5Bann%5D@<x.example>;[fg]-[name]=%5BJ%C3%B6%5D%3B%20%5BBo%5D;[fg]-[cid]=%5B7%5D%40%2810.1.2.3%29;[lr]?[a]=%5Bb%5D"
    )


# --- the core reads the same


_PIECES = st.sampled_from(
    ["a", "Bob", "ann", "7", "404", "0163296", "é", "Ü", "ß", ".", "-", "_", "+", "%", "@", " ", "'", "/", "10.1.2.3",
     "x.example.net", "deutsche.example", "Ann.Lee", "1.2"]
)  # fmt: skip
_TEXTS = st.lists(_PIECES, max_size=6).map("".join)
_DOMAINS = st.sampled_from(["x.example.net", "pbx", "10.1.2.3", "de.example:5070", "[2001:db8::7]:5061", "b-c.d3"])
_GATEWAY = "gw.example.org"


def names_of(*values: Any) -> Pseudonyms:
    found = Found()
    renamed(values, found)
    return Pseudonyms(found, WORDS)


def of_uri(uri: SipUri | BadAddress, to: Pseudonyms) -> SipUri | BadAddress:
    """Return a parsed address with its parts renamed."""
    if isinstance(uri, BadAddress):
        return BadAddress(renamed(uri.problem, to))
    return SipUri(renamed(SipAccount("", uri.user), to).auth_user, renamed(uri.domain, to))


@given(_TEXTS, _DOMAINS)
@example("50%de", "pbx")
def test_the_jid_of_a_caller(user: str, domain: str) -> None:
    uri = SipUri(user, domain)
    jid = address.contact(uri, _GATEWAY)
    assume(user and isinstance(jid, str))
    to = names_of(SipAccount("", user), domain, _GATEWAY)
    again = of_uri(uri, to)
    assert isinstance(again, SipUri)
    assert address.contact(again, renamed(_GATEWAY, to)) == renamed(jid, to)


@given(_TEXTS, st.none() | _DOMAINS)
@example("a%ß", None)
def test_the_uri_of_a_contact(user: str, domain: str | None) -> None:
    jid = f"{address.escape_local(f'{user}%{domain}' if domain else user)}@{_GATEWAY}"
    uri = dialling.target(jid, AddressBook(_GATEWAY, "own.example"))
    # A domain in other letters is another name, unless it is folded as words are.
    assume(isinstance(uri, BadAddress) or uri.domain in (*f"{user}%{domain}".lower().split("%"), "own.example"))
    to = names_of(PresenceProbed(jid), "own.example")
    again = dialling.target(renamed(jid, to), AddressBook(renamed(_GATEWAY, to), renamed("own.example", to)))
    assert again == of_uri(uri, to) or isinstance(again, BadAddress) is isinstance(uri, BadAddress) is True


@given(st.sampled_from(["", "sip:", "SIP:", " "]), _TEXTS, _DOMAINS)
@example("", "j%C3%B6.x%40y", "pbx")
def test_the_address_of_an_account_in_commands_and_sentences(scheme: str, user: str, domain: str) -> None:
    account = SipAccount(f"{scheme}{user}@{domain}")
    uri = address.parse_account(account.address)
    to = names_of(account)
    again = address.parse_account(renamed(account, to).address)
    assert isinstance(again, BadAddress) is isinstance(uri, BadAddress)
    assume(isinstance(uri, SipUri) and isinstance(again, SipUri))
    assert again == of_uri(uri, to)
    assert str(again) == renamed(PlaceCall("1.0", str(uri), (), ()), to).target
    assert f"Signed in as {again}." == renamed(f"Signed in as {uri}.", to)


@given(_TEXTS, _DOMAINS, _TEXTS)
def test_who_calls(user: str, domain: str, name: str) -> None:
    assume(len(name) < 60)  # the core cuts names; a pseudonym may be longer
    quoted = address.escape_user(name).replace(";", "%3B").replace("?", "%3F")
    event = CallArrived("1.0/1", "1.0", f"sip:{address.escape_user(user)}@{domain};fg-name={quoted};lr", (), (), 3)
    who, called = caller(event, Access())
    to = names_of(event)
    again, called_again = caller(renamed(event, to), Access())
    assert again == of_uri(who, to)
    assert called_again == renamed(called, to)
    if isinstance(who, BadAddress) or isinstance(again, BadAddress):
        reject()
    # A sentence has a number as it was signalled, and in a sentence a user part begins behind the last white space.
    assume(numbering.digits(re.split("[@%]", user)[0]) in (None, user))
    assume(not any(map(numbering.digits, user.split()[1:])))
    assert SendText("", "", f"From {again.words}.") == renamed(SendText("", "", f"From {who.words}."), to)


def test_one_name_is_the_same_everywhere() -> None:
    account = SipAccount("Ann.Lee@x.example.net", auth_user="ann.lee", proxy="X.example.net")
    told: SipAccount = renamed(SignIn(account, "s"), names_of(account)).account
    assert told.address.lower() == f"{told.auth_user}@{told.proxy}".lower()
    assert told.address.partition("@")[0].lower() == told.auth_user
    assert told.address[0].isupper()
    assert (told.proxy or "").isupper()


def test_bad_addresses_stay_bad() -> None:
    for text in ("no-domain", "@x.example", "ann@b c", "ann@x..example", "ann@-x.example", "ann@x.example:0"):
        account = SipAccount(text)
        told = address.parse_account(renamed(account, names_of(account)).address)
        assert isinstance(told, BadAddress), text


def test_words_of_ours_are_no_names() -> None:
    """A field that holds one of a few words, or nothing."""
    assert marked(SessionTimer(90, "uac")) == SessionTimer(90, "uac")
    assert marked(Hop("sip.test", 5060, "udp")) == Hop("<sip.test>", 5060, "udp")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (SipHeaders(unknown=("X-Ann",)), SipHeaders(unknown=("[X]-[Ann]",))),
        (ReasonValue("Q.850", 31, "486 of Ann"), ReasonValue("Q.850", 31, "486 [of] [Ann]")),
        (WarningValue(399, "Ann"), WarningValue(399, "[Ann]")),
        (
            Challenge("Ann", "NoN+cE==", algorithm="SHA-512-256", qop=("auth-int",), opaque="Op7"),
            Challenge("[Ann]", "[NoN]+[cE]==", algorithm="SHA-512-256", qop=("[auth]-[int]",), opaque="[Op7]"),
        ),
        (
            Party("sip:ann@x.test", "12.0-0123456789abcdef", "Ann B"),
            Party("sip:%5Bann%5D@<x.test>", "dialog 12.0-0123456789abcdef", "[Ann] [B]"),
        ),
        (
            Sdp(None, ("audio 5004 RTP/AVP 0 101", "video 0 Ann/x 1234567")),
            Sdp(None, ("[audio] 5004 [RTP]/[AVP] 0 101", "[video] 0 [Ann]/[x] [1234567]")),
        ),
        (KeepFlow("123.0", Endpoint("udp", "10.1.2.3", 5060)), KeepFlow("123.0", Endpoint("udp", "(10.1.2.3)", 5060))),
        (
            Binding("sip:c0ffee.123.0_ab@10.1.2.3:5070", 60, True, "123.0"),
            Binding("sip:%5Bc0ffee%5D.%5B123%5D.%5B0%5D_%5Bab%5D@(10.1.2.3):5070", 60, True, "123.0"),
        ),
        (
            RequestHead(
                "BYE",
                "sip:10.1.2.3",
                ("SIP/2.0/TLS pbx.test;branch=z9hG4bKann7",),
                "<sip:ann@x.test>;tag=a7",
                '"Ann" <tel:+123>;tag=12.0-0123456789abcdef-fedcba9876543210',
                "id@10.1.2.3",
                7,
            ),
            RequestHead(
                "[BYE]",
                "[sip]:(10.1.2.3)",
                ("[SIP]/[2].[0]/[TLS] <pbx.test>;[branch]=z9hG4bK[ann7]",),
                "<sip:%5Bann%5D@<x.test>>;[tag]=[a7]",
                '"[Ann]" <[tel]:+[123]>;[tag]=dialog 12.0-0123456789abcdef-fedcba9876543210',
                "[id]@(10.1.2.3)",
                7,
            ),
        ),
    ],
)
def test_names_in_sip_are_found(value: Any, found: Any) -> None:
    assert marked(value) == found
