"""The gateway as one process: builds its parts, starts them in order, and stops them in order.

Rules:

1. Starting: log and vault, SIP edge, the first SIP host, and the XMPP stream last, so that everything works when the
   first user reaches the gateway. `Restarted` goes to the users who had anything open when the stream is up, because
   they cannot be told earlier. SIP messages of our own user agent are taken in from then on.
2. Stopping: `Stopping` to all users, also if the log has failed (`fargo.engine`, rule 6). When their SIP connections
   are gone (`all_signed_out`), the XMPP stream, the relay, the SIP hosts, the edge, the vault and the log are
   stopped. A gateway that keeps its calls does not say goodbye at SIGTERM and SIGINT: no `Stopping`, and the edge goes
   on (`fargo.edge.leftover`). It does at SIGQUIT, and if the log has failed, also while it stops.
3. SIGHUP reads the configuration again (`fargo.reload`). If the file has a mistake, nothing changes. SIGUSR1 prints the
   state of all users and calls (`fargo.status`), some at a time, so that the gateway goes on meanwhile. The control
   socket (`fargo.control`) answers from the beginning to the end of the run.
4. A jump of the wall clock (`fargo.wall_clock`) changes no call; registrations are renewed.
5. The edge and the SIP hosts are supervised (`fargo.supervisor`). If one of them cannot be started at start-up, if the
   log cannot be written, the gateway stops with a sentence and exit code 1.
6. While the XMPP server is away, or refuses the component, the gateway waits for it: the log and the service manager
   are told why.
7. What becomes of calls and accounts is told to the operator (`fargo.journal`), once it is in the log.
8. A worker waits until no other process is it, and then starts. It gives signs of life to the log, from the beginning
   to the end; if another process has taken its place, it stops without a word to anybody.
"""

import gc
import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger, globalLogBeginner
from twisted.python.failure import Failure

from fargo import daemon_settings, texts
from fargo.adapters.relay.adapter import RelayAdapter, RelaySettings
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.xmpp.adapter import XmppAdapter
from fargo.adapters.xmpp.settings import XmppSettings
from fargo.calls import Record, records
from fargo.config import Config
from fargo.control.server import ControlSocket
from fargo.dispatching import Dispatcher, Executors
from fargo.engine import Engine, steady_clock
from fargo.journal.journal import Journal
from fargo.journal.levels import named
from fargo.journal.output import Form, JournalOutput, form_of
from fargo.left_edges import end_edges_of_others
from fargo.limits.gate import EVERY, Gate
from fargo.loading import core
from fargo.metrics.monitoring import Monitoring
from fargo.opened_log import follower_of, opened, share_of
from fargo.operations.administration import administer
from fargo.operations.desk import About, Desk
from fargo.operations.parts import EdgePrograms, Parts
from fargo.operations.values import Phase
from fargo.processes import ProcessError, leave_no_core
from fargo.reload import Reload, read_again, reload
from fargo.retention import Retention
from fargo.room import Room
from fargo.screening import Screening
from fargo.service_manager import ServiceManager
from fargo.sip_service import SipService, all_signed_out
from fargo.state_keeping import StateKeeping
from fargo.state_printing import StatePrinting
from fargo.statemachine import machine
from fargo.statemachine.account.account_state import country
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import (
    ClockJumped,
    Recorded,
    ResourceUnavailable,
    Restarted,
    Stopping,
    StreamOpened,
)
from fargo.statemachine.self_service import prompting
from fargo.statemachine.user_state import User
from fargo.status import report
from fargo.store.entries import Entry
from fargo.store.interface import Store
from fargo.store.kept_states import states_of
from fargo.store.opening import log_in
from fargo.store.spare import Spare
from fargo.store.state import make_directory, tables_in
from fargo.store.texts_under_way import TextsUnderWay
from fargo.store.transient import TransientSecrets
from fargo.store.vault import Vault
from fargo.supervisor import Supervisor
from fargo.vault_upkeep import VaultUpkeep
from fargo.wall_clock import ClockWatch
from fargo.workers.around import AroundShare
from fargo.workers.following import Followed
from fargo.workers.heartbeat import Heartbeat
from fargo.workers.standby import SURE_SECONDS, hush, in_turn
from fargo.workers.waiting import StandingBy


def run(config: Config, path: Path, keep_calls: bool = False, as_json: bool = False) -> int:
    """Run the gateway until a signal or a failure stops it, and return the exit code. The configuration is from `path`.
    With `keep_calls`, only SIGQUIT and a failure end the calls. With `as_json`, all output is lines of JSON.

    Raises StoreError if the log or the vault cannot be used.
    """
    if config.sip.engine == "telepathy":
        from twisted.internet import gireactor  # takes 5 MB, which nobody needs with the other engine

        gireactor.install()  # dbus-python needs GLib's main loop, which costs more than Twisted's own
    from twisted.internet import reactor

    timers: Any = reactor
    timers.seconds = monotonic  # Twisted's own is the wall clock: nothing would be due for an hour that it is set back

    leave_no_core()
    os.umask(0o077)  # for the files of the programs that it starts, too
    output = JournalOutput(Form.JSON if as_json else form_of(sys.stderr.fileno(), os.environ), named(config.log.level))
    globalLogBeginner.beginLoggingTo([output], redirectStandardIO=False)  # type: ignore[list-item] # zope's interface
    manager = ServiceManager(os.environ, reactor)

    def start(config: Config, known: Mapping[str, Followed]) -> Daemon:
        with ExitStack() as undone:  # a log that stays open would go on as if its gateway lived
            make_directory(config.state.directory)
            spare, log = opened(config, reactor)
            undone.callback(spare.close)
            undone.callback(log.close)
            daemon = Daemon(config, path, spare, log, reactor, output, manager, keep_calls, known)
            undone.pop_all()
        return daemon

    if config.worker and (follower := follower_of(config)):
        with StandingBy(config, path, follower) as waiting:
            daemon = in_turn(
                lambda known: start(waiting.config, known), follower, config.worker, manager, waiting.goes_on
            )
    else:
        daemon = start(config, {})
    # What is there now stays: otherwise all of it would be looked through for garbage again and again.
    gc.collect()
    gc.freeze()
    daemon.run()
    return daemon.exit_code


class Daemon:
    """The whole gateway. Its constructor reads the log, so that a broken log is found before anything is started."""

    _logger = Logger()

    def __init__(
        self,
        config: Config,
        path: Path,
        spare: Spare,
        log: Store,
        reactor: Any,
        output: JournalOutput,
        manager: ServiceManager,
        keep_calls: bool,
        known: Mapping[str, Followed],
    ) -> None:
        self.exit_code = 0
        self._output = output
        output.least = named(config.log.level)
        self._config = config
        self._path = path
        self._reactor = reactor
        directory = config.state.directory
        self._spare, self._log = spare, log
        self._log_ours_since = monotonic()
        self._monitoring = Monitoring(config.metrics.address, reactor)
        self._journal = Journal(reactor, self._ended)
        self._state_keeping = StateKeeping(
            states_of(log_in(directory)), core(), self._log.mark, lambda: self._engine, reactor
        )
        self._share = share_of(config, self._log, lambda: self._engine, reactor)
        self._engine = Engine(
            *(self._log, machine, self._dispatch, self._fail, reactor.callLater),
            policy=daemon_settings.policy(config),
            spare=self._spare,
            written=self._charge,
            committed=self._committed,
            took=self._monitoring.committed,
            erases=self._state_keeping.give_up,
            share=self._share,
            sure_seconds=inf if config.worker is None else SURE_SECONDS,
        )
        self._screening = Screening(
            self._engine.put, daemon_settings.networks(config), daemon_settings.elsewhere(config), reactor.seconds
        )
        self._gate = Gate(daemon_settings.gate(config), self._screening.put, self._engine.state, monotonic)
        self._minute = LoopingCall(self._gate.tick, config.xmpp.domain)
        self._minute.clock = reactor
        owned, users = (self._share.owned, self._share.still(known)) if self._share else (None, {})
        in_use = self._engine.load(self._state_keeping.read(), owned, users)
        for each in filter(None, map(self._engine.state, self._engine.busy())):
            self._know_calls(each)
        self._retention = Retention(self._log, config.log.keep_seconds, self._engine.forget, steady_clock(), reactor)
        self._room = Room(directory, daemon_settings.reserve(config), self._room_changed, reactor)
        self._vault = Vault(tables_in(config.keys, config.log.store, config.worker), self._log.mark, reactor)
        self._upkeep = VaultUpkeep(self._vault, in_use, steady_clock(), reactor)
        self._transient = TransientSecrets(reactor.callLater)
        self._texts = TextsUnderWay(reactor.callLater)
        self._keys = SessionKeys(reactor.callLater)
        self._sip = SipService(
            config,
            daemon_settings.edge_secret(config),
            self._screening.put,
            self._engine.broadcast,
            self._vault.reveal,
            self._transient,
            self._keys,
            self._texts,
            self._text_refusal,
            self._gate.transfer,
            reactor,
        )
        self._manager = manager
        self._edge = Supervisor(texts.EDGE, self._sip.edge, reactor, self._edge_lost)
        self._xmpp = XmppAdapter(
            self._gate.put,
            partial(self._share.keep, self._vault.keep) if self._share else self._vault.keep,
            self._transient.keep,
            self._texts,
            self._gate,
            self._contacts,
            self._prompted,
            self._country,
            lambda admin, question: administer(self._desk.answer, admin, question, config.worker, config.workers),
            daemon_settings.xmpp(config),
            self._stream_opened,
            self._manager.waits,
            self._share.elsewhere if self._share else None,
        )
        if self._share:
            self._share.join(AroundShare(self._xmpp, self._sip, self._vault, self._gate, self._know_calls, self._fail))
        self._relay = self._make_relay()
        executors = Executors(self._xmpp, self._sip, self._relay, self._vault, self._texts, self._engine.put)
        self._dispatcher = Dispatcher(executors, self._gate, reactor.callLater)
        self._clock = ClockWatch(self._clock_jumped, reactor)
        self._heartbeat = Heartbeat(self._log, self._engine.lose, reactor, beats=config.worker is not None)
        state = self._engine.state
        self._state_printing = StatePrinting(
            lambda: report(self._engine.users(), state, self._engine.now, self._gate.line), reactor
        )
        self._ready = False
        self._stopping = False
        self._keep_calls = keep_calls
        self._goodbye = not keep_calls
        parts = Parts(self._xmpp, EdgePrograms(self._edge), self._sip.link, self._relay, self._engine)
        self._desk = Desk(self._engine, self._log, parts, self._about, reactor, self._share)
        self._control = ControlSocket(directory, self._desk.answer, reactor)

    def _know_calls(self, user: User) -> None:
        """Let the journal know of a user's calls that go on since an earlier run."""
        for call in user.calls:
            for known in records(self._log.call(user.jid, call)):
                self._journal.calls.know(known)

    def run(self) -> None:
        """Start the gateway and return when it has stopped."""
        self._reactor.callWhenRunning(self._begin)
        self._reactor.addSystemEventTrigger("before", "shutdown", lambda: self._do(self._stop()))
        self._reactor.run()
        self._logger.info(texts.STOPPED, code=self.exit_code)

    # --- starting and stopping

    def _begin(self) -> None:
        self._reactor.callLater(0, self._take_signals)  # with GLib's main loop, Twisted installs its own after this
        self._upkeep.start()
        self._control.start()
        self._monitoring.start(self._desk.status)
        self._do(self._start())

    def _take_signals(self) -> None:
        # Twisted's own handlers, which these replace, fail at a second signal.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, self._signalled)
        for number, reaction in ((signal.SIGHUP, self._reload), (signal.SIGUSR1, self._state_printing.begin)):
            signal.signal(number, lambda *_, reaction=reaction: self._reactor.callFromThread(reaction))

    def _signalled(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._stop_by, signal.Signals(number))

    def _stop_by(self, number: signal.Signals) -> None:
        goodbye = number == signal.SIGQUIT or not self._keep_calls
        self._logger.info(texts.SIGNALLED if goodbye else texts.SIGNALLED_TO_KEEP, name=number.name)
        self._shut_down(goodbye)

    def _shut_down(self, goodbye: bool = True) -> None:
        self._goodbye |= goodbye
        if not self._stopping:
            self._stopping = True
            self._manager.stops()
            self._reactor.stop()

    async def _start(self) -> None:
        self._heartbeat.start()
        try:
            await end_edges_of_others(self._config, self._reactor)
            await self._edge.start()
            await self._sip.link.start()
        except ProcessError as error:
            self._fail(str(error))
            return
        self._room.start()
        self._minute.start(EVERY, now=False).addErrback(lambda failure: self._logger.failure(texts.GATE_BUG, failure))
        if self._relay:
            self._relay.start()
        self._clock.start()
        for user in self._engine.busy():
            state = self._engine.state(user)
            self._sip.know(user, state.registrations if state else {})
        if self._config.worker is not None:
            await deferLater(self._reactor, hush(self._log_ours_since, monotonic()))
        self._xmpp.start()
        self._manager.started()

    async def _stop(self) -> None:
        self._dispatcher.stop()
        self._clock.stop()
        self._state_printing.stop()
        self._retention.stop()
        self._state_keeping.stop()
        self._room.stop()
        if self._minute.running:
            self._minute.stop()
            self._gate.write(self._config.xmpp.domain)
        if not self._goodbye:
            await self._engine.settled()  # if the log takes no more, a goodbye is due after all
        goodbye = self._goodbye and not self._engine.is_lost
        if goodbye:
            self._engine.broadcast(Stopping())
            await self._engine.settled()  # a log that is locked may take its time
            await all_signed_out(self._sip.link, self._engine.settled, self._reactor)
        if self._share:
            await self._share.settled()
        await self._engine.stop()
        if self._share:
            self._share.stop()
        self._journal.stop()
        await self._control.stop()
        await self._monitoring.stop()
        await self._xmpp.stop()
        if self._relay:
            await self._relay.stop()
        await self._sip.link.stop()
        await (self._edge.stop() if goodbye else self._edge.leave())
        self._upkeep.stop()
        self._vault.close()
        self._heartbeat.stop()
        self._log.close()
        self._spare.close()

    def _room_changed(self, none: bool) -> None:
        self._engine.no_room = none

    def _edge_lost(self) -> None:
        self._edge.when_running().addCallback(lambda _: self._sip.edge_restarted())

    def _stream_opened(self) -> None:
        first, self._ready = not self._ready, True
        if first:
            self._engine.broadcast(Restarted())
            if self._relay:
                self._relay.watch()
            self._retention.start()
            self._state_keeping.start()
        self._engine.broadcast(StreamOpened())
        if self._share:
            if first:
                self._share.begin()
            self._share.stream_opened()
        self._sip.listen()
        if first:
            sip, xmpp = self._config.sip, self._config.xmpp
            users = ", ".join(xmpp.allowed_domains)
            addresses = ", ".join(sip.address)
            self._output.ready(texts.READY.format(domain=xmpp.domain, users=users, addresses=addresses, port=sip.port))
        self._manager.serves()

    def _fail(self, why: str) -> None:
        """Stop the gateway with this reason and exit code 1."""
        self._logger.critical(texts.STOPPING, why=why)
        self.exit_code = 1
        self._shut_down()

    def _do(self, work: Coroutine[Any, Any, None]) -> Deferred[None]:
        return Deferred.fromCoroutine(work).addErrback(self._bug)

    def _bug(self, failure: Failure) -> None:
        self._logger.failure(texts.START_OR_STOP_BUG, failure=failure)
        self._fail(texts.START_OR_STOP_FAILED)

    # --- while it runs

    def _clock_jumped(self, seconds: float) -> None:
        self._logger.warn(texts.CLOCK_AHEAD if seconds > 0 else texts.CLOCK_BACK, seconds=abs(seconds))
        self._sip.clock_jumped()
        if seconds > 0:
            self._engine.broadcast(ClockJumped(seconds))

    def _reload(self) -> None:
        """Read the configuration again, and use what can be changed at once."""
        try:
            given, mistakes = read_again(self._path, self._config.worker)
        except Exception:
            self._logger.failure(texts.RELOAD_BUG)
            return
        if given is None:
            self._logger.error(texts.NOT_RELOADED, problems="\n".join(["", *mistakes]))
            return
        self._use(reload(self._config, given))

    def _use(self, new: Reload) -> None:
        before, self._config = self._config, new.config
        self._retention.keep(new.config.log.keep_seconds)
        self._room.reserve(daemon_settings.reserve(new.config))
        self._xmpp.serve(daemon_settings.xmpp(new.config))
        self._screening.use(daemon_settings.networks(new.config))
        self._engine.change_policy(daemon_settings.policy(new.config))
        self._gate.use(daemon_settings.gate(new.config))
        self._output.least = named(new.config.log.level)
        self._admit(daemon_settings.xmpp(before), daemon_settings.xmpp(new.config))
        options = ", ".join(new.changed)
        self._logger.info(texts.RELOADED if options else texts.RELOADED_SAME, options=options)
        if new.waiting:
            self._logger.warn(texts.NEEDS_RESTART, options=", ".join(new.waiting))

    def _admit(self, before: XmppSettings, now: XmppSettings) -> None:
        """Treat the users who are not allowed any more as offline, which ends their calls. Ask those who are allowed
        again if they are online.
        """
        for user in self._engine.busy():
            if before.serve(user) and not now.serve(user):
                self._engine.put(user, ResourceUnavailable(user, self._config.xmpp.domain))
            elif now.serve(user) and not before.serve(user):
                self._engine.put(user, StreamOpened())

    def _about(self) -> About:
        """Return what the operator is told of the gateway as a whole."""
        phase: Phase = "stopping" if self._stopping else "serving" if self._ready else "starting"
        return About(phase, self._config.xmpp.domain, self._config.log.keep, self._config.worker)

    # --- the relay

    def _make_relay(self) -> RelayAdapter | None:
        if self._config.media.relay is None:
            return None
        settings = RelaySettings(*self._config.media.relay)
        put, broadcast, take = self._screening.put, self._engine.broadcast, self._transient.take
        kept = self._config.state.directory / "relay.count"
        return RelayAdapter(put, broadcast, take, self._keys, settings, kept, self._reactor)

    # --- what the parts ask and tell

    def _dispatch(self, issued: Issued) -> None:
        self._dispatcher.do(issued)

    def _charge(self, recorded: Recorded, size: int) -> None:
        self._gate.written(recorded, size)

    def _committed(self, entries: list[Entry], users: Mapping[str, User]) -> None:
        """Tell those who watch of the entries of a batch that is committed."""
        self._journal.take(entries, users)
        for entry in entries:
            self._desk.take(entry)
            self._monitoring.entry(entry)

    def _ended(self, call: Record) -> None:
        """Tell those who watch of a call that has ended."""
        self._monitoring.ended(call)
        self._desk.ended(call)

    def _contacts(self, user: str) -> Contacts:
        """Return the contacts of a user."""
        known = self._engine.state(user)
        return known.contacts if known else Contacts()

    def _text_refusal(self, user: str) -> str | None:
        """Return why a user (bare JID) takes no text from the provider now, None if they do."""
        return self._gate.text_in(user) if self._xmpp.is_open else texts.NO_TEXTS_NOW

    def _prompted(self, user: str) -> str | None:
        """Return the SIP address whose password a user is asked for in the chat, None if it is not."""
        return prompting.awaited(self._engine.state(user), self._engine.now())

    def _country(self, user: str) -> str | None:
        """Return the country in which a user dials, None if it is not known."""
        known = self._engine.state(user)
        return (country(known.account) if known else None) or self._config.sip.country
