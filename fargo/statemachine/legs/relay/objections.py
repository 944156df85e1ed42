"""Objections to a description of the relay: it must encrypt where that is asked for, and follow an end that moves."""

from typing import assert_never

from fargo.statemachine.legs.relay import remaking, texts
from fargo.statemachine.legs.relay.relay_session import (
    Offering,
    OfferingAgain,
    PassingAnswer,
    RelayRequest,
    Renegotiating,
)
from fargo.statemachine.media.description import Description


def objection(
    session: Offering | OfferingAgain | PassingAnswer | Renegotiating, offers: bool, description: Description
) -> str | None:
    """Return why the relay's description is of no use, a sentence; None if it is."""
    terms = session.terms
    match session:
        case Offering():
            return texts.NOT_ENCRYPTED if _is_open_offer(terms, description) else None
        case OfferingAgain(problem=problem):
            pass
        case PassingAnswer(problem=problem) if offers:
            pass
        case PassingAnswer():
            return texts.NOT_ENCRYPTED if _is_open_answer(session, description) else None
        case Renegotiating(problem=None):
            return None
        case Renegotiating(problem=problem):
            followed = remaking.phone_follows if offers else remaking.client_follows
            return None if followed(terms, description) else problem
        case _:
            assert_never(session)
    if _is_open_offer(terms, description):
        return texts.NOT_ENCRYPTED
    followed = remaking.phone_follows if terms.outward else remaking.client_follows
    return None if followed(terms, description) else problem


def _is_open_offer(terms: RelayRequest, for_phone: Description) -> bool:
    """Return True if the relay does not offer the phone the encryption that it must."""
    encrypts = bool(for_phone.crypto) and for_phone.encryption_required
    return terms.outward and terms.srtp == "required" and not encrypts


def _is_open_answer(session: PassingAnswer, for_phone: Description) -> bool:
    """Return True if the relay does not take one of the keys that the phone offers."""
    offered = {(each.tag, each.suite) for each in session.told.phone.crypto}
    taken = [(each.tag, each.suite) for each in for_phone.crypto]
    return not session.terms.outward and bool(offered) and not (len(taken) == 1 and offered.issuperset(taken))
