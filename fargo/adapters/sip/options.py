"""OPTIONS requests of ours to servers (RFC 3261 §11), to see if one answers, and with which certificate.

They tell nothing about any user, and have no credentials.
"""

from collections.abc import Callable
from secrets import token_hex
from typing import Final, TypeAlias

from fargo.adapters.sip import outward
from fargo.adapters.sip.client_transactions import LONGEST, MOST, ClientTransactions
from fargo.adapters.sip.loopback import Loopback
from fargo.adapters.sip.marks import written
from fargo.adapters.sip.names import new_branch
from fargo.adapters.sip.own_addresses import OwnAddresses
from fargo.adapters.sip.recent import Recent
from fargo.adapters.sip.wire.message import SipResponse
from fargo.statemachine.model.sip_values import Endpoint

_Told: TypeAlias = Callable[[SipResponse | None], None]
"""told(response): the final response, None if nothing came from the edge."""

_METHOD: Final = "OPTIONS"


class Options:
    """All OPTIONS requests without a final response."""

    def __init__(
        self, loopback: Loopback, clients: ClientTransactions, own: OwnAddresses, now: Callable[[], float]
    ) -> None:
        self._loopback = loopback
        self._clients = clients
        self._own = own
        self._asked: Recent[str, _Told] = Recent(LONGEST, MOST, now)
        """The functions to call, by the branch of the request."""

    def ask(self, server: Endpoint, name: str | None, told: _Told) -> None:
        """Send an OPTIONS to an address. ``name``: that of a server over TLS."""
        branch = new_branch()
        self._asked[branch] = told
        request = outward.options(self._own.via(branch), server, written(self._own.at(server)), token_hex(16))
        data = self._loopback.to_server(request, server, name)
        self._clients.start((branch, _METHOD), data, lambda: self._answer(branch, None))

    def answered(self, branch: str, response: SipResponse) -> None:
        """Take in a response that is perhaps one to an OPTIONS of ours."""
        if response.status >= 200:
            self._answer(branch, response)

    def _answer(self, branch: str, response: SipResponse | None) -> None:
        if told := self._asked.pop(branch):
            told(response)
