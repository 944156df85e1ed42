"""A user of the gateway with everyone around them, as one immutable value: what can happen next, and making it happen.

The engine is here too: it stamps and folds what is delivered, and hands the commands out at once, to the clients, the
connection manager, the relay, and the vault. Time stands still until somebody waits: then the earliest deadline comes.
A crash loses what was under way, everything on the SIP side of Telepathy, and, at worst, the commands of the last
event; then the log is folded again, and the gateway says so (`Restarted`, `StreamOpened`). If the machine is lost,
another one does so, with another SIP edge. A lost XMPP stream takes with it what was under way to the gateway and, at
worst, what the last event made it say to clients.
"""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.account.texts import RENEWAL
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.legs.user_agent.texts import REFRESH
from fargo.statemachine.machine import deadlines, fold, is_idle, new, secrets
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, DescriptionReceived
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import (
    Command,
    Forget,
    ForgetSecret,
    ForgetText,
    Issued,
    PresenceKind,
    SendPresence,
    SignIn,
    SipCommand,
    XmppCommand,
)
from fargo.statemachine.model.events import (
    Announced,
    CommandAsked,
    ContactAsked,
    Event,
    GatewayAsked,
    IqMalformed,
    IqSucceeded,
    PolicyChanged,
    PresenceProbed,
    Recorded,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    Restarted,
    SipAccount,
    Stopping,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TextWritten,
    TimePassed,
    TypingNoticed,
    UserRemoved,
)
from fargo.statemachine.model.iq import ByChat, ByCommand, Iq
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.ng import RelayCommand, RelayEvent
from fargo.statemachine.model.requests import GatewayRequest, Register
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest, UserAgentEvent
from fargo.statemachine.self_service.texts import MAILBOX_ASKED
from fargo.statemachine.user_state import User

from .broken import Broken, Entry
from .client import Client
from .invariants import Watch
from .manager import Manager
from .parting import is_parting
from .provider import Provider
from .quirks import Quirk
from .relay import Relay
from .sip_invariants import acknowledged
from .values import BOB, GATEWAY, PASSWORD, REQUESTS, USER
from .waiting import astray

START: Final = 1_000_000_000.0
SIP: Final = "sip"
RELAY: Final = "relay"
GATEWAY_ITSELF: Final = "gateway"
HERE, THERE = "192.0.2.1 5060 5061", "192.0.2.2 5060 5061"
"""The SIP edges of two machines."""
LONGEST: Final = 1000
"""The number of steps after which a world has come to rest."""
_PATIENCE: Final = 500.0
"""The time in seconds for which clients keep a session without a connection. The gateway ends it for longer."""
_ONCE: Final = CallArrived | DescriptionReceived | UserAgentEvent
_LASTING: Final = (RENEWAL, REFRESH, MAILBOX_ASKED)
"""Names of deadlines that return for as long as a registration or a call lasts."""
_REGISTERING: Final = ("register", "register another", "register nonsense", "ask", "cancel", "send nonsense", "write")
_STEP: Final = ByCommand("status", "status:12345678")
_WAYS: Final = (None, ByChat(), ByCommand("register", "register:12345678"))
"""The ways to submit a registration, or cancel it."""
_ASKING: Final[Mapping[str, Event]] = {
    "probe": PresenceProbed(BOB),
    "subscribe": SubscriptionChanged(BOB, SubscriptionAction.SUBSCRIBE),
    "unsubscribe": SubscriptionChanged(BOB, SubscriptionAction.UNSUBSCRIBE),
}


class Move(NamedTuple):
    """Something that happens: who does it (a client's JID, or one of the names above), what, and to which session,
    connection or channel.
    """

    who: str
    what: str
    about: str = ""


class Logged(NamedTuple):
    """The last entry of a log, and what was before it."""

    entry: Entry
    before: "Logged | None"


class World(Struct, frozen=True):
    """All of it. ``vault``: the passwords that it keeps, by name."""

    clients: tuple[Client, ...]
    sip: Manager | Provider
    user: User
    relay: Relay = Relay()
    at: float = START
    vault: Mapping[str, str] = {}
    submitted: int = 0
    watch: Watch = Watch()
    log: Logged | None = None


# --- what can happen


def moves(world: World, quirks: frozenset[Quirk]) -> Iterator[Move]:
    """Every move that the world has."""
    for client in world.clients:
        yield from _arrivals(client.jid, client.sent, quirks)
        yield from (Move(client.jid, *move) for move in client.moves(quirks))
    yield from _arrivals(SIP, world.sip.sent, quirks)
    yield from (Move(SIP, *move) for move in world.sip.moves(quirks))
    yield from _arrivals(RELAY, world.relay.sent, quirks)
    yield from (Move(RELAY, *move) for move in world.relay.moves(quirks))
    if passing(world) or (Quirk.ACCOUNT in quirks and deadlines(world.user)):
        yield Move(GATEWAY_ITSELF, "wait")
    if Quirk.ACCOUNT in quirks:
        yield from (Move(GATEWAY_ITSELF, what) for what in (*_REGISTERING, *_ASKING))
    if Quirk.CRASH in quirks:
        yield from (Move(GATEWAY_ITSELF, what) for what in ("crash", "stop"))
    if Quirk.MACHINE in quirks:
        yield Move(GATEWAY_ITSELF, "be taken over")
    if Quirk.STREAM in quirks:
        yield Move(GATEWAY_ITSELF, "lose the stream")
    if Quirk.SERVER in quirks:
        yield Move(GATEWAY_ITSELF, "restart the XMPP server")


def _arrivals(who: str, sent: tuple[Event, ...], quirks: frozenset[Quirk]) -> Iterator[Move]:
    """The ways in which the first of what waits can arrive."""
    if not sent:
        return
    yield Move(who, "deliver")
    if Quirk.CRASH in quirks:
        yield Move(who, "deliver, then crash")
    if Quirk.MACHINE in quirks:
        yield Move(who, "deliver, then be taken over")
    if Quirk.STREAM in quirks:
        yield Move(who, "deliver, but lose the stream")
    # A signal may be repeated, but an object appears once; and the SIP adapter reports nothing twice.
    if Quirk.DUPLICATES in quirks and not isinstance(sent[0], _ONCE):
        yield Move(who, "deliver twice")
    if Quirk.REFUSALS in quirks and isinstance(sent[0], IqSucceeded):
        yield Move(who, "refuse")


# --- making it happen


def step(world: World, move: Move) -> World:
    """The world after a move. Raises Broken if the gateway, or what it leads to, breaks an invariant."""
    who, what, about = move
    match what:
        case "deliver":
            return _put(*_taken(world, who))
        case "deliver, then crash":
            return _crash(_put(*_taken(world, who), loses=Command))
        case "deliver, then be taken over":
            return _moved(_put(*_taken(world, who), loses=Command))
        case "deliver, but lose the stream":
            return _stream_lost(_put(*_taken(world, who), loses=XmppCommand))
        case "deliver twice":
            rest, event = _taken(world, who)
            return _put(_given_back(rest, who, _again(event)), event)
        case "refuse":
            return _with(world, _client(world, who).refuses())
    if who == SIP:
        return replace(world, sip=world.sip.act(what, about))
    if who == RELAY:
        return replace(world, relay=world.relay.act(what))
    if what == "come online" and world.at - _client(world, who).since >= _PATIENCE:
        what = "come online anew"
    if who != GATEWAY_ITSELF:
        return _with(world, _client(world, who).act(what, about))
    match what:
        case "wait":
            due = min(each.at for each in deadlines(world.user))
            return _put(replace(world, at=max(world.at, due)), TimePassed())
        case "crash":
            return _outlived(world)
        case "be taken over":
            return _outlived_machine(world)
        case "stop":
            return _crash(_said(_put(world, Stopping()), SIP))
        case "lose the stream":
            return _stream_lost(world)
        case "restart the XMPP server":
            return _outlasted(world)
    return _asked(world, what)


def _taken(world: World, who: str) -> tuple[World, Event]:
    """The world without the first of what someone said, and that."""
    if who == SIP:
        return replace(world, sip=world.sip.taken()), world.sip.sent[0]
    if who == RELAY:
        return replace(world, relay=world.relay.taken()), world.relay.sent[0]
    client = _client(world, who)
    event, *rest = client.sent
    return _with(world, replace(client, sent=tuple(rest))), event


def _given_back(world: World, who: str, event: Event) -> World:
    """The world with something more to arrive from someone, before anything else does."""
    if who == SIP:
        return replace(world, sip=replace(world.sip, sent=(event, *world.sip.sent)))
    if isinstance(event, RelayEvent):
        return replace(world, relay=replace(world.relay, sent=(event, *world.relay.sent)))
    client = _client(world, who)
    return _with(world, replace(client, sent=(event, *client.sent)))


def _again(event: Event) -> Event:
    """The event as it is sent once more: an IQ has an id of its own each time."""
    iq = getattr(event, "iq", None)
    return event if iq is None else msgspec.structs.replace(event, iq=Iq(iq.sender, iq.to, f"{iq.id}-again"))


def _put(world: World, event: Event, loses: UnionType | tuple[()] = ()) -> World:
    """Fold an event, judge what comes of it, and hand the commands out, but for those of a type that is lost."""
    world = _passed(world, event)
    recorded = Recorded(USER, world.log.entry[0].version + 1 if world.log else 1, world.at, event)
    before = world.user
    user, commands, call = fold(before, recorded)
    entry = (recorded.folded(call), commands)
    world = replace(world, user=user, log=Logged(entry, world.log))
    try:
        acknowledged(before, event, commands)
        world = replace(world, watch=world.watch.judge(entry))
        if gone := list(astray(user)):
            raise Broken("what waits for a reply belongs to something", gone)
        for issued in commands:
            world = world if isinstance(issued.command, loses) else _sent(world, issued)
    except Broken as broken:
        broken.log = entries(world)
        raise
    return world


def entries(world: World) -> tuple[Entry, ...]:
    """All that was recorded."""
    found, logged = [], world.log
    while logged:
        found.append(logged.entry)
        logged = logged.before
    return tuple(reversed(found))


def _sent(world: World, issued: Issued) -> World:
    command = issued.command
    if (secret := _secret(command)) is not None and secret not in world.vault:
        if isinstance(world.sip, Provider) and isinstance(command, SendRequest) and secret not in secrets(world.user):
            # The end of a call may take longer than that of its account.
            return replace(world, sip=world.sip.lacks(issued))
        raise Broken("a password that is needed is kept", command)
    if isinstance(command, ForgetSecret):
        return replace(world, vault={name: kept for name, kept in world.vault.items() if name != command.secret})
    if isinstance(command, SipCommand):
        return replace(world, sip=world.sip.hear(issued))
    if isinstance(command, RelayCommand):
        return replace(world, relay=world.relay.hear(issued))
    if isinstance(command, Forget):
        if msgspec.structs.replace(world.user, policy=new(USER).policy) != new(USER):
            raise Broken("who is forgotten has nothing left", world.user)
        return world
    if isinstance(command, LogRecord | ForgetText):
        return world
    assert isinstance(command, XmppCommand)
    to = command.iq.sender if hasattr(command, "iq") else command.to
    told = replace(world, clients=tuple(c.hear(issued) if to in (c.jid, USER) else c for c in world.clients))
    probes = isinstance(command, SendPresence) and command.kind is PresenceKind.PROBE
    if probes and not any(client.online for client in told.clients):
        return _with(told, told.clients[0].told_of_nobody())
    return told


def _secret(command: Command) -> str | None:
    """Return the name of the password that a command needs, None if it needs none."""
    if isinstance(command, SignIn):
        return command.secret
    credentials = command.credentials if isinstance(command, SendRegister | SendRequest) else ()
    return next((each.secret for each in credentials), None)


def _passed(world: World, event: Event) -> World:
    """Bring a client's message about a proposal to the other clients, as their server does."""
    return replace(world, clients=tuple(client.overhears(event) for client in world.clients))


def _stream_lost(world: World) -> World:
    """Lose all that is under way on the XMPP stream, and open it again."""
    return _put(replace(world, clients=tuple(client.times_out() for client in world.clients)), StreamOpened())


def _outlasted(world: World) -> World:
    """Let the XMPP server be restarted: the gateway is back at once, and no client is. Raises Broken if a call has not
    outlasted that.
    """
    clients = tuple(client.disconnected(world.at) for client in world.clients)
    up = _put(replace(world, clients=clients), StreamOpened())
    if is_quiet(world) and not _forgotten(world):
        (_, phones, _), (_, phones_then, _) = talkers(drained(up)), talkers(world)
        if phones < phones_then:
            raise broken_rule(up, "calls outlast the XMPP server (phones)", (phones_then, phones))
    return up


def _crash(world: World) -> World:
    """Come up again, with what the log has."""
    down = replace(
        world,
        sip=world.sip.crash(),
        relay=world.relay.crash(),
        clients=tuple(client.times_out() for client in world.clients),
        vault={name: kept for name, kept in world.vault.items() if name in secrets(world.user)},
    )
    return down if is_idle(down.user) else _put(_put(down, Restarted()), StreamOpened())


def _moved(world: World) -> World:
    """Come up again on another machine, whose SIP edge has other addresses."""
    policy, sip = world.user.policy, world.sip
    if not isinstance(sip, Provider):
        return _crash(world)
    other = replace(policy, edge=THERE if policy.edge == HERE else HERE)
    down = replace(
        world,
        sip=sip.moved(),
        relay=world.relay.crash(),
        clients=tuple(client.times_out() for client in world.clients),
        vault={name: kept for name, kept in world.vault.items() if name in secrets(world.user)},
    )
    return down if is_idle(down.user) else _put(_put(_put(down, PolicyChanged(other)), Restarted()), StreamOpened())


def _outlived_machine(world: World) -> World:
    """Let another machine take the user over when nothing is lost but what is under way to the first. Raises Broken if
    a call has not outlived that.
    """
    up = _moved(world)
    if _is_at_rest(world):
        then, now = _goes_on(world), _goes_on(drained(up))
        if any(after < before for before, after in zip(then, now, strict=True)):
            raise broken_rule(up, "calls outlive the machine (clients, phones)", (then, now))
    return up


def _goes_on(world: World) -> tuple[int, int]:
    """Return the numbers of sessions of the clients, and of phones that talk or call: others are called anew."""
    assert isinstance(world.sip, Provider)
    phones = [each for each in world.sip.phones if each.phase in ("talking", "calling")]
    return talkers(world)[0], len(phones)


def _outlived(world: World) -> World:
    """Come up again after a crash in which nothing was lost. Raises Broken if a call has not outlived it."""
    up = _crash(world)
    if _is_at_rest(world):
        (clients, phones, _), (clients_then, phones_then, _) = talkers(drained(up)), talkers(world)
        if clients < clients_then or phones < phones_then:
            found = ((clients_then, phones_then), (clients, phones))
            raise broken_rule(up, "calls outlive the gateway (clients, phones)", found)
    return up


def _is_at_rest(world: World) -> bool:
    """Return True if nobody waits for an answer, no call is ending, and the SIP engine's calls outlive the gateway."""
    proposing = [s for client in world.clients for s in client.sessions if s.phase == "proposing"]
    waits = proposing or any(client.asked for client in world.clients)
    if not isinstance(world.sip, Provider) or waits or not is_quiet(world):
        return False
    return not _forgotten(world) and not is_parting(world.sip, world.user)


def _forgotten(world: World) -> list[Session]:
    """Return the sessions that a client does not know of any more."""
    known = [(client.jid, session.sid) for client in world.clients for session in client.sessions]
    legs = (session for call in world.user.calls.values() for session in jingle_leg.sessions(call.jingle))
    return [session for session in legs if (session.client, session.sid) not in known]


def asked_for(world: World, request: GatewayRequest) -> World:
    """The world after a client has asked this of the gateway."""
    return _put(world, GatewayAsked(f"{USER}/account", GATEWAY, request))


def _asked(world: World, what: str) -> World:
    """One of the clients, its server, or the operator talks to the gateway itself."""
    if what in _ASKING:
        return _put(world, _ASKING[what])
    number = world.submitted + 1
    world = replace(world, submitted=number)
    iq = Iq(f"{USER}/account", GATEWAY, f"registration-iq{number}", _WAYS[number % len(_WAYS)])
    match what:
        case "ask":
            request = REQUESTS[number % len(REQUESTS)]
            asked = _put(world, RegistrationAsked(replace(iq, by=None)))
            asked = _put(asked, ContactAsked(Iq(iq.sender, GATEWAY, f"contact-iq{number}"), "Bob@sip.test"))
            asked = _put(asked, CommandAsked(Iq(iq.sender, GATEWAY, f"command-iq{number}", _STEP), request))
            asked = _put(asked, GatewayAsked(iq.sender, GATEWAY, Register("alice@sip.test")))
            asked = _put(asked, GatewayAsked(iq.sender, GATEWAY, request))
            return _put(asked, Announced("There will be a pause tonight."))
        case "write":
            parts = tuple(KeptText(f"text{number}{each}", 5) for each in "ab"[: 1 + number % 2])
            typing = _put(world, TypingNoticed(DESK.jid, BOB, number % 3 != 0))
            return _put(typing, TextWritten(DESK.jid, BOB, f"message{number}", parts, receipt=True))
        case "cancel":
            return _put(world, RegistrationCancelled(iq) if number % 2 else UserRemoved())
        case "send nonsense":
            return _put(world, IqMalformed(replace(iq, by=None), "It is broken."))
    address = {"register": "alice@sip.test", "register another": "carol@sip.test"}.get(what, "nobody")
    kept = replace(world, vault={**world.vault, f"secret{number}": PASSWORD})
    return _put(kept, RegistrationSubmitted(iq, SipAccount(address), f"secret{number}", f"nonce{number}-"))


def _client(world: World, jid: str) -> Client:
    return next(client for client in world.clients if client.jid == jid)


def _with(world: World, client: Client) -> World:
    return replace(world, clients=tuple(client if c.jid == client.jid else c for c in world.clients))


# --- beginning and end


DESK: Final = Client(f"{USER}/desk")
MOBILE: Final = Client(f"{USER}/mobile")
ASKING: Final = Client(f"{USER}/tablet", asks_first=True)
"""A client that proposes its calls, and is proposed to."""
BROWSER: Final = Client(f"{USER}/browser", MediaProfile.DTLS)
SOFTPHONE: Final = Client(f"{USER}/softphone", MediaProfile.ICE)
ASKING_BROWSER: Final = Client(f"{USER}/app", MediaProfile.DTLS, asks_first=True)


def signed_in(*clients: Client, calls: int = 0, policy: Policy | None = None, away: tuple[Client, ...] = ()) -> World:
    """A user with these clients online and the account signed in; so many calls in are to come. ``policy``: what the
    operator wants, None for an operator who has said nothing. ``away``: clients that are not online.
    """
    if policy and policy.engine == "sip":
        policy = replace(policy, edge=HERE)
    sip = Provider(calls) if policy and policy.engine == "sip" else Manager(calls)
    world = World((*clients, *away), sip, new(USER))
    if policy:
        world = _put(world, PolicyChanged(policy))
    for client in clients:
        world = drained(step(world, Move(client.jid, "come online")))
    world = step(world, Move(GATEWAY_ITSELF, "register"))
    connection = world.sip.connections[0][0]
    return drained(step(world, Move(SIP, "sign in", connection)))


def _said(world: World, who: str) -> World:
    """After all that someone has said has arrived."""
    while world.sip.sent if who == SIP else _client(world, who).sent:
        world = _put(*_taken(world, who))
    return world


def drained(world: World) -> World:
    """After everything that is under way has arrived."""
    for _ in range(LONGEST):
        if world.sip.sent:
            world = step(world, Move(SIP, "deliver"))
        elif world.relay.sent:
            world = step(world, Move(RELAY, "deliver"))
        elif talker := next((client for client in world.clients if client.sent), None):
            world = step(world, Move(talker.jid, "deliver"))
        else:
            return world
    raise broken_rule(world, "gateway and peers come to rest", world)


def is_quiet(world: World) -> bool:
    """Return True if nothing is under way."""
    return not world.sip.sent and not world.relay.sent and not any(client.sent for client in world.clients)


def broken_rule(world: World, rule: str, found: object) -> Broken:
    """Return that a rule is broken in this world, with its log. ``found``: what breaks it."""
    broken = Broken(rule, found)
    broken.log = entries(world)
    return broken


def talkers(world: World) -> tuple[int, int, int]:
    """Return the numbers of sessions of the clients, of calls of the phones, and of calls of the gateway."""
    return (
        sum(len(client.sessions) for client in world.clients),
        world.sip.talkers(),
        len(world.user.calls),
    )


def passing(world: World) -> list[Deadline]:
    """Return what is due some time, but for what comes again and again."""
    return [each for each in deadlines(world.user) if not each.name.endswith(_LASTING)]
