"""The gateway as a whole, for one user: it is started, stopped, configured otherwise, connected anew, or time passes.

Rules:

1. What concerns several calls, or call and account, is done part by part (`faults`).
2. After a restart, calls go on whose SIP side has outlived the gateway; all others end. What may not have been heard is
   said again before anything else. If another gateway has taken the user over, with another SIP edge (`Policy.edge`),
   the far ends are told where we are now.
3. `expire` does all that is due at the time of the event.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec.structs import replace

from fargo.statemachine import awaited, clients, connections, replies, texts
from fargo.statemachine.account import account_state, connection, roster, sign_in
from fargo.statemachine.account.account_state import Unregistered
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.call import bridge
from fargo.statemachine.deadline import Deadline, is_due
from fargo.statemachine.effects import Effects
from fargo.statemachine.faults import in_each_call, in_part
from fargo.statemachine.legs.jingle import jingle_leg, jmi, unacknowledged
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Forget, SendText
from fargo.statemachine.model.composing import Typing
from fargo.statemachine.model.requests import Settings
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.self_service import notices, prompting, voicemail
from fargo.statemachine.texting import outbox
from fargo.statemachine.user_state import User

_CANCELLED_KEPT: Final = 600.0
"""The time in seconds for which the log of a user who has cancelled is kept: stanzas may be under way for that long."""


# --- start, stop, configuration


def policy_changed(user: User, policy: Policy, effects: Effects) -> User:
    """Use the operator's new configuration. The gateway was restarted with it, so another engine has no connection, and
    what another edge means for calls is for `restarted`.
    """
    sign_in.engine_changed(policy.engine, effects)
    account = account_state.moved(user.account, policy.engine)
    shown = account_state.shown(account)
    if shown != account_state.shown(user.account):
        connections.record_account(shown, effects)
    known = user.policy.edge
    moved = user.moved or bool(known and policy.edge and known != policy.edge)
    return replace(user, policy=policy, account=account, moved=moved)


def restarted(user: User, effects: Effects) -> User:
    """Go on with the calls that have outlived the gateway, and end all others. Forget the clients, as they will be
    asked for presence. What the far end may not have heard is repeated, before anything else is said.
    """
    reason, engine = Reason(Cause.NETWORK, texts.RESTARTED), user.policy.engine
    user = in_part(user, outbox.restarted, effects)
    user = in_part(user, voicemail.restarted, effects)
    if user.moved:
        user = in_each_call(user, bridge.moved, effects)
    user = in_part(user, partial(_repeated, repeat=sip_leg.restarted), effects)
    user = connections.in_each_registration(user, sign_in.restarted, effects)
    going = in_each_call(user, lambda call, effects: bridge.restarted(call, engine, reason, effects), effects)
    going = in_part(going, _cleared, effects)
    going = connections.with_account(going, lambda account: connection.restarted(account, effects), effects)
    return replace(going, stopping=False, moved=False)


def _repeated(user: User, effects: Effects, repeat: Callable[[Effects], None]) -> User:
    repeat(effects)
    return user


def _cleared(user: User, effects: Effects) -> User:
    """Forget the clients, and the proposals if no call can come of them; repeat what may not have been heard."""
    replies.repeat_deletions(user, effects)
    if sip_leg.engine_capabilities(user.policy.engine).outlives_gateway:
        jmi.say_again(effects)
    else:
        jmi.forget_all(effects)
    return replace(user, contacts=roster.forget_clients(user.contacts, effects))


def stopping(user: User, effects: Effects) -> User:
    """Say goodbye to everything: the gateway is about to stop."""
    ended = end_all(user, Reason(Cause.NETWORK, texts.STOPPING), effects)
    ended = in_part(ended, outbox.stopping, effects)
    ended = in_part(ended, _shown_away, effects)
    ended = connections.with_account(ended, lambda account: connection.stop(account, effects), effects)
    return replace(ended, stopping=True)


def _shown_away(user: User, effects: Effects) -> User:
    shown = account_state.shown(user.account)
    if shown is not None:
        away = replace(shown, available=False, show=None, status=texts.STOPPING)
        roster.show_all(user.contacts, away, effects)
    return user


def end_all(user: User, reason: Reason, effects: Effects) -> User:
    """End all calls."""
    return in_each_call(user, lambda call, effects: bridge.end(call, reason, effects), effects)


def hung_up(user: User, reason: Reason, effects: Effects) -> User:
    """End all calls because the user wants it. So none of them is missed."""
    return in_each_call(user, lambda call, effects: bridge.end(replace(call, settled=True), reason, effects), effects)


def stream_opened(user: User, effects: Effects) -> User:
    """Ask for the clients' presence, check that they are still in their calls, send them the contacts' presence, and
    repeat what may have been lost with the old stream.
    """
    live = [session for call in user.calls.values() for session in jingle_leg.sessions(call.jingle)]
    unacknowledged.repeat({(session.us, session.client, session.sid) for session in live}, effects)
    user = in_each_call(user, bridge.stream_opened, effects)
    user = in_part(user, awaited.stream_opened, effects)
    shown = account_state.shown(user.account)
    if shown is None:
        return user
    contacts = roster.look(user.contacts, shown.gateway, effects)
    roster.show_all(contacts, shown, effects)
    return replace(user, contacts=contacts)


def announced(user: User, text: str, effects: Effects) -> User:
    """Pass on what the operator has to say, to a user who is registered."""
    if registered := account_state.in_force(user.account):
        effects.emit(SendText(registered.gateway, user.jid, text))
    return user


def edge_restarted(user: User, effects: Effects) -> User:
    """Say again what was lost with the SIP edge, open its connections again, and end the calls that cannot go on."""
    user = connections.in_each_registration(user, sign_in.edge_restarted, effects)
    user = in_part(user, partial(_repeated, repeat=sip_leg.edge_restarted), effects)
    return in_each_call(user, bridge.edge_restarted, effects)


# --- time


def clock_jumped(user: User, seconds: float, effects: Effects) -> User:
    """Renew registrations that may have ended meanwhile, and check that the clients are still in their calls. Calls go
    by the time of the events, so they live, whether they ring or are answered.
    """
    user = connections.in_each_registration(user, partial(sign_in.clock_jumped, seconds=seconds), effects)
    user = in_part(user, partial(voicemail.clock_jumped, seconds=seconds), effects)
    return in_each_call(user, bridge.stream_opened, effects)


def expire(user: User, effects: Effects) -> User:
    """Do all that is due at the time of the event (rule 3), each part by itself."""
    of_account = (_expire_registrations, _expire_account, _expire_prompt, _expire_trouble)
    for expire in (_expire_user, _expire_clients, awaited.expire, _expire_calls, replies.expire, *of_account):
        user = in_part(user, expire, effects)
    return user


def _expire_user(user: User, effects: Effects) -> User:
    if is_due(erasure(user), effects.at):
        effects.emit(Forget())
        effects.pending = {}
        return replace(
            user,
            account=Unregistered(),
            contacts=Contacts(),
            settings=Settings(),
            recent=(),
            prompt=None,
            trouble=None,
            mailbox=None,
            typing=Typing(),
            texts=(),
        )
    return user


def erasure(user: User) -> Deadline | None:
    """Return the deadline at which a user who has cancelled is erased. There is none while anything is open."""
    if not isinstance(user.account, Unregistered) or user.account.since is None or user.calls or user.registrations:
        return None
    if any(each.until is not None for each in user.pending.values()):
        return None
    return Deadline(texts.USER_FORGOTTEN, user.account.since + _CANCELLED_KEPT)


def _expire_clients(user: User, effects: Effects) -> User:
    for resource in roster.missing(user.contacts, effects.at):
        user = clients.removed(user, resource, effects)
    return user


def _expire_calls(user: User, effects: Effects) -> User:
    return in_each_call(user, bridge.expire, effects)


def _expire_registrations(user: User, effects: Effects) -> User:
    return connections.in_each_registration(user, sign_in.expire, effects)


def _expire_account(user: User, effects: Effects) -> User:
    if is_due(connection.deadline(user.account), effects.at):
        return connections.with_account(user, lambda account: connection.expire(account, effects), effects)
    return user


def _expire_prompt(user: User, effects: Effects) -> User:
    if user.prompt is None or user.prompt.until > effects.at:
        return user
    return in_part(user, prompting.expired, effects, drop=lambda user, _: replace(user, prompt=None))


def _expire_trouble(user: User, effects: Effects) -> User:
    if user.trouble is None or user.trouble.until is None or user.trouble.until > effects.at:
        return user
    return in_part(user, notices.lasting, effects, drop=lambda user, _: replace(user, trouble=None))
