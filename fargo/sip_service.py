"""The SIP engine of the configuration: its edge and its adapter.

Rules:

1. One engine runs at a time. The core moves every account to it (`Policy.engine`).
2. A command for the engine that does not run is dropped: what it was about ended with that engine.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol, assert_never

from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from fargo import texts
from fargo.adapters.put import KeepDigits, KeepTexts, PutEvent
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sip.adapter import SipAdapter
from fargo.adapters.sip.settings import SipSettings
from fargo.adapters.telepathy.adapter import TelepathyAdapter
from fargo.adapters.telepathy.host import HostSettings
from fargo.config import Config
from fargo.config_sections import INSIDE
from fargo.edge.run import Edge
from fargo.edge.settings import EdgeSettings
from fargo.edge.telepathy.routing import route_params
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.edge_settings import sip_edge, telepathy_edge
from fargo.statemachine.model.call1 import Call1Command
from fargo.statemachine.model.commands import Issued, SignIn, SignOut
from fargo.statemachine.model.events import Event, SipAccount
from fargo.statemachine.model.registrations import Registrations
from fargo.statemachine.model.sip_messages import EdgeRestarted, UserAgentCommand

SIGN_OUT_SECONDS: Final = 5.0
"""The time that signing out of SIP may take when the gateway stops."""

_logger = Logger()


class SipLink(Protocol):
    """The adapter of an engine."""

    @property
    def connections(self) -> int:
        """Something that can be under way when the gateway stops: accounts, or requests."""

    @property
    def is_up(self) -> bool:
        """If accounts can sign in, as far as the engine itself is concerned."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the engine's programs that run."""

    @property
    def restarts(self) -> int:
        """The number of times that one of these has ended by itself."""

    def start(self) -> Deferred[None]: ...
    def stop(self) -> Deferred[None]: ...
    def all_signed_out(self) -> Deferred[None]: ...
    def do(self, issued: Issued) -> None: ...


class SipService:
    """The engine that is configured.

    `put` and `broadcast` are those of `fargo.engine`, `reveal` is the vault's, and `digits` are the transient secrets.
    `keys` has the keys of encrypted audio, `kept` the texts of messages. `text_refusal` and
    `transfer_refusal` are those of `SipAdapter`.
    ``secret``: the edge's.
    """

    def __init__(
        self,
        config: Config,
        secret: str,
        put: PutEvent,
        broadcast: Callable[[Event], None],
        reveal: Callable[[str], str | None],
        digits: KeepDigits,
        keys: SessionKeys,
        kept: KeepTexts,
        text_refusal: Callable[[str], str | None],
        transfer_refusal: Callable[[str, str], int | None],
        reactor: Any,
    ) -> None:
        self._reactor = reactor
        self._broadcast = broadcast
        self._commands: Any
        self.link: SipLink
        match config.sip.engine:
            case "telepathy":
                settings = telepathy_edge(config, secret)
                self._commands = SignIn | SignOut | Call1Command
                self.link = TelepathyAdapter(
                    put,
                    reveal,
                    lambda account, rakia: _route(account, rakia, settings),
                    (settings.inside_ip, settings.inside_port),
                    settings.inside_key,
                    _hosts(config),
                    reactor,
                )
                self._edge: EdgeSettings = settings
            case "sip":
                self._commands = UserAgentCommand
                self.link = SipAdapter(
                    *(put, broadcast, reveal, digits, keys, kept, text_refusal, transfer_refusal),
                    *(_sip(config, secret), reactor),
                )
                self._edge = sip_edge(config, secret)
            case _:
                assert_never(config.sip.engine)

    def edge(self, ended: Callable[[str], None]) -> Edge:
        """Return one run of the engine's edge."""
        return Edge(self._edge, self._reactor, ended)

    def edge_restarted(self) -> None:
        """Tell all users that the edge runs again. Our own user agent learns it from the edge itself."""
        if isinstance(self.link, TelepathyAdapter):
            self._broadcast(EdgeRestarted())

    def know(self, user: str, registrations: Registrations) -> None:
        """Expect SIP messages for a user (bare JID) with these registrations."""
        if isinstance(self.link, SipAdapter):
            self.link.know(user, registrations)

    def forget(self, user: str, registrations: Registrations) -> None:
        """Expect no SIP messages any more for a user (bare JID) with these registrations."""
        if isinstance(self.link, SipAdapter):
            self.link.forget(user, registrations)

    def listen(self) -> None:
        """Take in SIP messages from now on."""
        if isinstance(self.link, SipAdapter):
            self.link.listen()

    def clock_jumped(self) -> None:
        """Register anew what the core does not renew itself, as the wall clock has jumped."""
        if isinstance(self.link, TelepathyAdapter):
            self.link.clock_jumped()

    def do(self, issued: Issued) -> None:
        """Carry out a command, if it is for this engine (rule 2)."""
        if isinstance(issued.command, self._commands):
            self.link.do(issued)


async def all_signed_out(link: SipLink, settled: Callable[[], Deferred[None]], reactor: Any) -> None:
    """Return when no SIP connection is left, or after SIGN_OUT_SECONDS. ``settled``: see `fargo.engine`."""
    try:
        await Deferred.fromCoroutine(_signed_out(link, settled)).addTimeout(SIGN_OUT_SECONDS, reactor)
    except TimeoutError:
        _logger.warn(texts.NOT_SIGNED_OUT, count=link.connections)


async def _signed_out(link: SipLink, settled: Callable[[], Deferred[None]]) -> None:
    """Return when signing out leads to nothing more: a registrar that asks for a login is sent another request."""
    await settled()
    while link.connections:
        await link.all_signed_out()
        await settled()


def _route(account: SipAccount, rakia: str, settings: TelepathyEdgeSettings) -> dict[str, str | int | bool]:
    return route_params(account.transport, account.proxy, account.port, rakia, settings)


def _hosts(config: Config) -> HostSettings:
    programs = config.programs
    return HostSettings(
        config.state.directory / "sip", rakia=str(programs.rakia), dbus_daemon=str(programs.dbus_daemon)
    )


def _sip(config: Config, secret: str) -> SipSettings:
    sip = config.sip
    return SipSettings(
        edge=(INSIDE, sip.inside_port),
        gateway=(INSIDE, sip.gateway_port),
        secret=secret,
        addresses=sip.address,
        port=sip.port,
        tls_port=sip.tls_port,
        public_address=sip.public_address,
        accept_from=sip.accept_from,
    )
