"""Registration both ways: plain fields and the form, what is filled in, what cannot be read."""

from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import registration
from fargo.adapters.xmpp.registration import Dismissal, Removal, Submission
from fargo.adapters.xmpp.stanza import MalformedError
from fargo.adapters.xmpp.wokkel_compat import data_form
from fargo.statemachine.media.description import Srtp
from fargo.statemachine.model.commands import SendRegistrationForm
from fargo.statemachine.model.events import SipAccount
from fargo.statemachine.model.iq import Iq

from . import strategies
from .elements import parse

ASKED = Iq("alice@example.org/a", "sip.example.org", "1")
FULL = SipAccount("alice@example.net", "a-1", "proxy.example.net", 5070, "tls", srtp="required", country="GB")
FULL_FORM = {
    "username": "alice@example.net",
    "x-auth-user": "a-1",
    "x-proxy": "proxy.example.net",
    "x-port": "5070",
    "x-transport": "tls",
    "x-srtp": "required",
    "x-country": "GB",
}
USES = get_args(Srtp)


def query(inside: str) -> Element:
    return parse(f"<query xmlns='jabber:iq:register'>{inside}</query>")


def filled(kind: str = "submit", **fields: str) -> str:
    rows = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items())
    return f"<x xmlns='jabber:x:data' type='{kind}'>{rows}</x>"


def test_plain_fields_are_address_and_password() -> None:
    read = registration.read(query("<username>alice@example.net</username><password> pw </password>"))
    assert read == Submission(SipAccount("alice@example.net"), " pw ", plain=True)


def test_the_form_has_everything() -> None:
    assert registration.read(query(filled(password="pw", **FULL_FORM))) == Submission(FULL, "pw")


def test_the_form_counts_if_both_are_there() -> None:
    both = "<username>old@example.net</username>" + filled(username="new@example.net")
    assert registration.read(query(both)) == Submission(SipAccount("new@example.net"), None)


def test_what_is_left_empty_is_empty_and_judged_by_others() -> None:
    assert registration.read(query("")) == Submission(SipAccount(""), None, plain=True)
    assert registration.read(query(filled(**dict.fromkeys(FULL_FORM, "")))) == Submission(SipAccount(""), None)


def test_a_cancelled_form_changes_nothing() -> None:
    assert registration.read(query(filled("cancel"))) == Dismissal()
    assert registration.read(query("<x xmlns='jabber:x:data' type='cancel'/>")) == Dismissal()


def test_white_space_round_what_has_a_type_is_nothing() -> None:
    read = registration.read(query(filled(**{"x-port": " 5070\u00a0", "x-transport": "tls\n", "x-srtp": "\toff"})))
    assert read == Submission(SipAccount("", port=5070, transport="tls", srtp="off"), None)


def test_removal_is_recognised() -> None:
    assert registration.read(query("<remove/>")) == Removal()


@pytest.mark.parametrize(
    "inside",
    [
        *(filled(**{"x-port": port}) for port in ("sip", "0", "65536", "-1", "5060.0", "٥٠٦٠", "99999999")),
        filled(**{"x-transport": "pigeon"}),
        *(filled(**{"x-srtp": use}) for use in ("yes", "Required")),
        filled("form", username="a@b"),
        "<username>a</username><username>b</username>",
        "<x xmlns='jabber:x:data' type='submit'><field var='a'/><field var='a'/></x>",
        "<x xmlns='jabber:x:data' type='submit'><field var='a'><option/></field></x>",
        "<x xmlns='jabber:x:data' type='submit'/>" * 2,
        f"<x xmlns='jabber:x:data' type='submit'>{'<field/>' * 65}</x>",
        f"<password>{'s3cret' * 500}</password>",
        filled(password="s3cret" * 500),
    ],
)
def test_what_cannot_be_read_is_malformed(inside: str) -> None:
    with pytest.raises(MalformedError) as caught:
        registration.read(query(inside))
    assert str(caught.value).endswith(".")
    assert "s3cret" not in str(caught.value)


def test_a_submission_hides_its_password() -> None:
    assert "s3cret" not in repr(Submission(FULL, "s3cret"))


def test_the_form_offers_the_transports_of_the_engine() -> None:
    answer = parse(registration.stanza(SendRegistrationForm(ASKED, None, ("tcp", "tls"))).toXml())
    form = data_form.findForm(answer.query, "jabber:iq:register")
    assert [option.value for option in form.fields["x-transport"].options] == ["", "tcp", "tls"]


def test_the_form_offers_encryption_if_the_engine_has_it() -> None:
    answer = parse(registration.stanza(SendRegistrationForm(ASKED, None, srtp=USES)).toXml())
    field = data_form.findForm(answer.query, "jabber:iq:register").fields["x-srtp"]
    assert [option.value for option in field.options] == ["off", "optional", "required"]
    assert field.value == "optional"


def test_a_new_user_gets_an_empty_form() -> None:
    answer = parse(registration.stanza(SendRegistrationForm(ASKED, None)).toXml())
    assert (answer["type"], answer["to"], answer["id"]) == ("result", ASKED.sender, "1")
    assert answer.query.registered is None
    assert str(answer.query.instructions)
    assert str(answer.query.username) == ""
    form = data_form.findForm(answer.query, "jabber:iq:register")
    assert list(form.fields) == ["username", "password", "x-auth-user", "x-proxy", "x-port", "x-country", "x-transport"]
    assert [option.value for option in form.fields["x-transport"].options] == ["", "udp", "tcp"]
    assert [name for name, field in form.fields.items() if field.required] == ["username", "password"]


def test_a_known_user_sees_everything_but_the_password() -> None:
    answer = parse(registration.stanza(SendRegistrationForm(ASKED, FULL, ("udp", "tcp", "tls"), USES)).toXml())
    assert answer.query.registered is not None
    assert str(answer.query.username) == FULL.address
    form = data_form.findForm(answer.query, "jabber:iq:register")
    assert {name: form.fields[name].value for name in FULL_FORM} == FULL_FORM
    assert not form.fields["password"].value
    assert str(answer.query.password) == ""


@given(st.lists(strategies.junk, max_size=3))
def test_junk_never_raises_anything_else(children: list[Element]) -> None:
    with suppress(MalformedError):
        registration.read(query("".join(each.toXml() for each in children)))


maybe = st.none() | strategies.texts
ports = st.none() | st.integers(1, 65535)


uses = st.sampled_from(USES)


@given(
    st.builds(
        SipAccount,
        strategies.maybe,
        maybe,
        maybe,
        ports,
        st.sampled_from([None, "udp", "tcp"]),
        srtp=uses,
        country=maybe,
    )
)
def test_any_account_that_is_shown_reads_back(account: SipAccount) -> None:
    """A client that submits the form as it got it changes nothing."""
    form = parse(registration.stanza(SendRegistrationForm(ASKED, account, srtp=USES)).toXml()).query.x
    form["type"] = "submit"
    assert registration.read(query(form.toXml())) == Submission(account, None)
