"""Asking the SIP edge for the turn: whether rakia may make a re-INVITE now.

rakia aborts if it makes one while it has not handled one of the phone. Only the edge sees both (TURNS in
`fargo/edge/telepathy/kamailio.cfg`).

    HOLD sip:INSIDE_IP:INSIDE_PORT;fg-call=NAME  ->  200 if the turn is rakia's now, 491 if a re-INVITE is under way

Without an answer it is not rakia's turn: the edge is away, and so is the way to the phone.
"""

from typing import Final

from twisted.internet.defer import Deferred

from fargo.adapters.telepathy.asking import EdgeQuestions

_GRANTED: Final = 200


class Turns:
    """The turns of all calls. ``asking``: the way to the edge."""

    def __init__(self, asking: EdgeQuestions) -> None:
        self._asking = asking

    def ask(self, call: str) -> Deferred[bool]:
        """Ask for the turn in a call. The Deferred fires with True if it is rakia's, and never fails."""
        return self._asking.ask("HOLD", f";fg-call={call}").addCallback(lambda status: status == _GRANTED)
