"""The SIP accounts that may be registered: where a user can make the gateway send something.

Rules:

1. If the operator has listed the providers, domain and proxy of an account must be among them.
2. Ports below 1024 belong to other services, except for 443, which some providers use to get through firewalls.
"""

from typing import Final

from fargo.limits import texts
from fargo.statemachine.address import BadAddress, parse_account, server
from fargo.statemachine.model.events import SipAccount

_LOWEST_PORT: Final = 1024
_HTTPS: Final = 443
_MOST_SHOWN: Final = 5
"""The providers that a user is told of."""


def problem(account: SipAccount, providers: tuple[str, ...] | None) -> str | None:
    """Return why an account may not be registered, as a sentence for its user; None if it may. What is no address is
    not refused here.
    """
    uri = parse_account(account.address)
    written = [each for each in (account.proxy, None if isinstance(uri, BadAddress) else uri.domain) if each]
    found = [each for each in map(server, written) if each]
    for host, _ in found:
        if providers is not None and host.lower() not in providers:
            return texts.OTHER_PROVIDER.format(provider=host, providers=", ".join(providers[:_MOST_SHOWN]))
    for port in (account.port, *(port for _, port in found)):
        if port is not None and port < _LOWEST_PORT and port != _HTTPS:
            return texts.LOW_PORT.format(port=port)
    return None
