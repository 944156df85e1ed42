"""The choice of the digest challenges to answer (RFC 3261 §22.3, RFC 8760 §2.4)."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.account.digest import answers, are_unusable, counted
from fargo.statemachine.model.sip_values import Challenge, DigestCredentials

PROXY: Final = Challenge("proxy.test", "p1", True, qop=("auth",))
REGISTRAR: Final = Challenge("sip.test", "r1", qop=("auth", "auth-int"))


def given_to(*challenges: Challenge) -> tuple[DigestCredentials, ...]:
    return tuple(DigestCredentials(each, "alice", "s1") for each in challenges)


def asked(*challenges: Challenge, before: tuple[DigestCredentials, ...] = ()) -> tuple[DigestCredentials, ...] | None:
    return answers(challenges, before, "alice", "s1")


# --- realms


def test_nothing_is_answered_if_nobody_asks() -> None:
    assert asked() is None
    assert asked(before=given_to(PROXY)) is None


def test_realms_that_ask_together_are_answered_together() -> None:
    assert asked(PROXY, REGISTRAR) == given_to(PROXY, REGISTRAR)


def test_a_realm_that_has_asked_before_gets_its_answer_again() -> None:
    [proxy] = given_to(PROXY)
    assert asked(REGISTRAR, before=(proxy,)) == (replace(proxy, count=2), *given_to(REGISTRAR))


def test_the_realms_of_a_proxy_and_a_registrar_may_have_one_name() -> None:
    proxy = replace(REGISTRAR, proxy=True)
    assert asked(proxy, REGISTRAR) == given_to(proxy, REGISTRAR)
    assert asked(REGISTRAR, before=given_to(proxy))


def test_four_realms_are_answered_and_no_more() -> None:
    realms = [replace(PROXY, realm=str(number)) for number in range(5)]
    assert asked(*realms[:4]) == given_to(*realms[:4])
    assert asked(*realms) is None
    assert asked(realms[3], before=given_to(*realms[:3]))
    assert asked(realms[4], before=given_to(*realms[:4])) is None


# --- refusals


@pytest.mark.parametrize("nonce", ["p1", "p2"])
def test_a_realm_that_asks_again_has_refused(nonce: str) -> None:
    assert asked(replace(PROXY, nonce=nonce), before=given_to(PROXY)) is None


def test_after_a_refusal_no_other_realm_gets_an_answer() -> None:
    assert asked(replace(PROXY, nonce="p2"), REGISTRAR, before=given_to(PROXY)) is None


def test_a_stale_nonce_is_replaced_once() -> None:
    again = replace(PROXY, nonce="p2", stale=True)
    given = asked(again, before=given_to(PROXY, REGISTRAR))
    assert given == (*given_to(again), replace(*given_to(REGISTRAR), count=2))
    assert asked(replace(again, nonce="p3"), before=given) is None


def test_a_nonce_that_is_called_stale_has_to_be_another() -> None:
    assert asked(replace(PROXY, stale=True), before=given_to(PROXY)) is None


def test_a_first_challenge_may_be_called_stale() -> None:
    """The server takes the request for one that it has challenged before."""
    stale = replace(PROXY, stale=True)
    assert asked(stale) == given_to(stale)


# --- algorithms


def test_the_topmost_of_a_realm_is_answered() -> None:
    """RFC 8760 §2.4."""
    strong = replace(REGISTRAR, algorithm="SHA-256", nonce="r2")
    assert asked(REGISTRAR, strong) == given_to(REGISTRAR)
    assert asked(strong, REGISTRAR) == given_to(strong)


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
def test_the_algorithms_that_are_known(algorithm: str) -> None:
    challenge = replace(PROXY, algorithm=algorithm)
    assert asked(challenge) == given_to(challenge)
    assert not are_unusable((challenge,))


@pytest.mark.parametrize("unknown", [replace(REGISTRAR, algorithm="SHA-3"), replace(REGISTRAR, qop=("token",))])
def test_what_is_unknown_is_ignored(unknown: Challenge) -> None:
    known = replace(REGISTRAR, nonce="r2")
    assert asked(unknown, known) == given_to(known)
    assert asked(unknown, PROXY) == given_to(PROXY)
    assert asked(unknown) is None
    assert are_unusable((unknown,))
    assert not are_unusable((unknown, known))


def test_no_challenge_is_none_that_cannot_be_answered() -> None:
    assert not are_unusable(())


@pytest.mark.parametrize("qop", [(), ("auth",), ("auth-int",), ("token", "auth-int")])
def test_the_qualities_of_protection_that_are_known(qop: tuple[str, ...]) -> None:
    challenge = replace(PROXY, qop=qop)
    assert asked(challenge) == given_to(challenge)


# --- whatever servers ask


CHALLENGES: Final = st.builds(
    Challenge,
    realm=st.sampled_from(["a", "b", "c"]),
    nonce=st.sampled_from(["n1", "n2", "n3"]),
    proxy=st.booleans(),
    algorithm=st.sampled_from(["MD5", "SHA-256", "SHA-3"]),
    stale=st.booleans(),
)


@given(st.lists(st.lists(CHALLENGES, max_size=4), max_size=20))
def test_servers_never_get_an_answer_twice_and_come_to_an_end(responses: list[list[Challenge]]) -> None:
    before: tuple[DigestCredentials, ...] = ()
    used: set[tuple[bool, str, str, int]] = set()
    rounds = 0
    for challenges in responses:
        given = answers(challenges, before, "alice", "s1")
        if given is None:
            continue
        rounds += 1
        realms = [(each.challenge.proxy, each.challenge.realm) for each in given]
        assert len(realms) == len(set(realms)) <= 4
        assert {(each.challenge.proxy, each.challenge.realm) for each in before} <= {*realms}
        assert all(each.challenge in challenges for each in given if each.count == 1)
        uses = {(*realm, each.challenge.nonce, each.count) for realm, each in zip(realms, given, strict=True)}
        assert not uses & used, "no use of a nonce is like another"
        used |= uses
        before = given
    assert rounds <= 8, "each realm gets two answers at most"


def test_what_is_sent_in_another_form_counts_its_nonces() -> None:
    once = given_to(PROXY, REGISTRAR)
    assert [each.count for each in counted(once)] == [2, 2]
    assert [each.count for each in counted(counted(once))] == [3, 3]
    assert counted(()) == ()
