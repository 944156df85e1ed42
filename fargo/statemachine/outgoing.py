"""Outgoing calls: a client's session-initiate (XEP-0166 §6.2) or proposal (XEP-0353 §3).

Rules:

1. A user who cannot call now, or cannot call that address, is told why and what to do about it.
2. If both ends call each other at the same time, one of the two calls gives way (XEP-0166 §7.2.16, XEP-0353 §4.1).
3. A call that is refused at once is recorded, too.
4. A proposal begins a call, and so does a session-initiate that follows none. The id of the call is the version of that
   event.
5. No limit applies to an emergency number, and no demand for encryption. If the operator does not want such calls here,
   the user is told so first, signed in or not, as every second counts.
6. What dial rules make of a number is called (`dial_rules.rewriting`). If that is an emergency number, it is one.
7. A call to another domain goes through the account's own server, unless the operator wants it to go there directly, or
   nowhere. An emergency number is called there in any case.
"""

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine import address, dialling, mailbox_address, texts
from fargo.statemachine.account import account_state, roster, sign_in
from fargo.statemachine.account.account_state import Credentials, Registered, Unregistered
from fargo.statemachine.account.texts import NOT_REGISTERED
from fargo.statemachine.address import BadAddress
from fargo.statemachine.call import bridge, call_state, placing
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.dial_rules import rewriting
from fargo.statemachine.dial_rules.rewriting import Rewritten
from fargo.statemachine.dialling import AddressBook
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking, jingle_leg, jmi
from fargo.statemachine.legs.jingle.forking import Forking, Inviting
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Line, Preparing
from fargo.statemachine.media import offer, paths
from fargo.statemachine.media.description import MediaProfile, Srtp, takes
from fargo.statemachine.media.offer import Audio
from fargo.statemachine.media.paths import PathChoice, Policy
from fargo.statemachine.model.call_records import RecordPath
from fargo.statemachine.model.commands import RefuseIq
from fargo.statemachine.model.jingle_events import CallProposed, SessionInitiated
from fargo.statemachine.model.presence import SignedIn
from fargo.statemachine.model.sip import engine_named
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.user_state import User, address_book, changed, closed, concerned, is_busy


def initiated(user: User, event: SessionInitiated, effects: Effects) -> User:
    """Place the call that a client describes, whether it was proposed before or not."""
    if call := concerned(user, event):
        effects.call = call.id
        if not jingle_leg.has_same_id(call.jingle, event, effects):
            return changed(user, call, bridge.fold_jingle(call, event, effects), effects)
        if not _wins_tie(user, event):
            user = changed(user, call, bridge.overruled(call, event, effects), effects)
    followed = jmi.followed_up(event, effects)
    effects.call = id = (followed and followed.call) or str(effects.version)
    if _wins_tie(user, event):
        effects.emit(RefuseIq(event.iq, "cancel", "conflict", texts.CALLED_BY_THEM, "tie-break"))
        return user
    if followed and followed.taken_back:
        return _turned_down(user, event, id, Reason(Cause.CANCELLED, texts.TAKEN_BACK), effects)
    ready = line_of_call(user, event.iq.to)
    if isinstance(ready, Refusal):
        effects.emit(RefuseIq(event.iq, ready.kind, ready.condition, ready.reason.text))
        _record_refused(user, event.iq.to, event.sid, id, ready, effects)
        return user
    if problem := offer.malformed_contents(event.contents):
        effects.emit(RefuseIq(event.iq, "modify", "bad-request", problem))
        return user
    return _place(user, event, ready, id, followed is not None, effects)


def _turned_down(user: User, event: SessionInitiated, id: str, reason: Reason, effects: Effects) -> User:
    """Acknowledge and end a session that follows a proposal and cannot be put through."""
    jingle_leg.turn_down(event, True, reason, effects)
    call_state.refused(id, _meant(user, event.iq.to), event.sid, reason, effects)
    return user


def _wins_tie(user: User, event: SessionInitiated) -> bool:
    """Return True if we call that client on behalf of the same contact with the lower session id; if the ids are equal,
    with the lower JID (XEP-0166 §7.2.16).
    """
    theirs = event.sid, event.iq.sender
    return any(
        session.client == event.iq.sender and session.us == event.iq.to and (session.sid, session.us) < theirs
        for call in user.calls.values()
        if isinstance(call.jingle, Inviting)
        for session in jingle_leg.sessions(call.jingle)
    )


class LineWords(NamedTuple):
    """The sentences that say why there is no line, for what is to go there. ``own``: the address is the user's;
    ``foreign``: it is at another domain, ``emergency``: it is an emergency number, and the operator wants neither.
    """

    own: str
    foreign: str
    emergency: str


_OF_CALLS: Final = LineWords(texts.OWN_ADDRESS, texts.NO_FOREIGN_CALLS, texts.NO_EMERGENCY_CALLS)


class Refusal(Struct, frozen=True, gc=False):
    """The reason why the user cannot call, also as an error's type and condition (RFC 6120 §8.3)."""

    kind: str
    condition: str
    reason: Reason
    rewritten: Rewritten | None = None


def _record_refused(user: User, to: str, session: str, id: str, refusal: Refusal, effects: Effects) -> None:
    rewritten = rewriting.record(refusal.rewritten, dialling.dialled(to))
    call_state.refused(id, _meant(user, to), session, refusal.reason, effects, rewritten)


def line_of_call(user: User, to: str, replaces_one: bool = False) -> Line | Refusal:
    """Return the line for a call to this contact, or why the user cannot call it now. ``replaces_one``: the call takes
    the place of another, so it is none more.
    """
    found = line(user, to)
    if isinstance(found, Refusal):
        return found
    led = found.rewritten is not None and _leads_to_emergency(user.policy, found.rewritten)
    emergency = _is_emergency(user.policy, to) or led
    if is_busy(user) and not (emergency or replaces_one):
        text = texts.TOO_MANY_CALLS.format(most=user.policy.most_calls)
        return Refusal("wait", "resource-constraint", Reason(Cause.BUSY, text))
    if (reason := closed(user)) and not emergency:
        return Refusal("wait", "resource-constraint", reason)
    credentials = account_state.in_force(user.account)
    assert credentials, "there is a line"
    secure = found.trunk is not None and found.trunk.secure and not found.direct
    srtp = _srtp(user.policy, credentials, secure, emergency)
    if isinstance(srtp, Reason):
        return Refusal("cancel", "not-allowed", srtp)
    return replace(found, srtp=srtp)


def line_of_transfer(user: User, to: str) -> Line | Refusal:
    """Return the line for a call to this contact that takes the place of another, or why the user cannot have it. None
    goes to an emergency number, also if dial rules have made it one.
    """
    found = line_of_call(user, to, replaces_one=True)
    if isinstance(found, Refusal):
        return found
    if {dialling.dialled(to), found.target.user} & {*user.policy.emergency_numbers}:
        reason = Reason(Cause.FORBIDDEN, texts.NO_TRANSFER_TO_EMERGENCY)
        return Refusal("cancel", "not-allowed", reason, found.rewritten)
    return replace(found, early="always")


def line(user: User, to: str, words: LineWords = _OF_CALLS) -> Line | Refusal:
    """Return the line to this contact, for whatever goes there, or why there is none now, in ``words`` that fit it."""
    if user.policy.emergency == "refuse" and _is_emergency(user.policy, to):
        return Refusal("cancel", "not-allowed", Reason(Cause.FORBIDDEN, words.emergency))
    match user.account:
        case Registered(credentials, SignedIn() as connection):
            return _line(user, credentials, connection, to, words)
        case Unregistered() | account_state.Trying(previous=None):
            return Refusal("auth", "registration-required", Reason(Cause.FORBIDDEN, NOT_REGISTERED))
        case _:
            shown = account_state.shown(user.account)
            text = texts.NOT_SIGNED_IN.format(status=shown.status if shown else "").strip()
            return Refusal("wait", "recipient-unavailable", Reason(Cause.UNAVAILABLE, text))


def _is_emergency(policy: Policy, to: str) -> bool:
    """Return True if the contact is an emergency number, in whatever form it is written and whatever its domain is."""
    return dialling.dialled(to) in policy.emergency_numbers


def _target(user: User, book: AddressBook, to: str, words: LineWords) -> Rewritten | Refusal:
    """Return the address that is called, as dial rules have made it, or why there is none."""
    target = mailbox_address.of_contact(user, to, book) or dialling.target(to, book)
    if isinstance(target, BadAddress):
        return Refusal("modify", "jid-malformed", Reason(Cause.NOT_FOUND, target.problem))
    if _is_emergency(user.policy, to):
        return Rewritten(target.user, target)
    known = rewriting.rewritten(target, book, user.settings, user.policy)
    if known.refusal:
        return Refusal("cancel", "not-allowed", known.refusal, known)
    if user.policy.emergency == "refuse" and _leads_to_emergency(user.policy, known):
        return Refusal("cancel", "not-allowed", Reason(Cause.FORBIDDEN, words.emergency), known)
    return known


def _leads_to_emergency(policy: Policy, known: Rewritten) -> bool:
    """Return True if rules have made an emergency number of another."""
    return bool(known.by) and known.uri.user in policy.emergency_numbers


def _line(user: User, credentials: Credentials, connection: SignedIn, to: str, words: LineWords) -> Line | Refusal:
    """Return the line, or why there is none, for a user who is signed in."""
    engine = engine_named(credentials.account.engine)
    if engine is None:
        text = account_state.unknown_engine(credentials.account)
        return Refusal("wait", "recipient-unavailable", Reason(Cause.UNAVAILABLE, text))
    known = _target(user, address_book(user, credentials.gateway), to, words)
    if isinstance(known, Refusal):
        return known
    target = known.uri
    if target == credentials.uri:
        return Refusal("cancel", "not-allowed", Reason(Cause.NOT_FOUND, words.own), known)
    emergency = _is_emergency(user.policy, to) or _leads_to_emergency(user.policy, known)
    foreign = target.domain != credentials.uri.domain and not emergency
    if foreign and user.policy.foreign == "refuse":
        text = words.foreign.format(domain=credentials.uri.domain)
        return Refusal("cancel", "not-allowed", Reason(Cause.FORBIDDEN, text))
    trunk = sign_in.trunk(connection.connection, user.registrations)
    direct = foreign and user.policy.foreign == "direct"
    able = False if emergency else user.contacts.secured.get(target.words)
    return Line(
        engine,
        connection.connection,
        target,
        credentials.nonce,
        target.domain if direct else credentials.uri.domain,
        trunk,
        user.policy.ring_seconds,
        user.policy.early,
        direct=direct,
        rewritten=known,
        dtls=paths.offers_dtls(able, user.policy),
    )


def _srtp(policy: Policy, credentials: Credentials, secure: bool, emergency: bool) -> Srtp | Reason:
    """Return the encryption that a phone is offered, or why the user cannot call (rule 5)."""
    wanted = credentials.account.srtp
    return paths.srtp("optional" if emergency and wanted == "required" else wanted, secure, policy)


def _place(user: User, event: SessionInitiated, line: Line, id: str, follows: bool, effects: Effects) -> User:
    """Put the client's offer through. If that is impossible, acknowledge it and end the session with the reason."""
    fit, target = _fit(event, line, user.policy), line.target
    rewritten = rewriting.record(line.rewritten, dialling.dialled(event.iq.to))
    if isinstance(fit, Reason):
        jingle_leg.turn_down(event, follows, fit, effects)
        call_state.refused(id, target.words, event.sid, fit, effects, rewritten)
        return user
    audio, way = fit
    sees = roster.sees(user.contacts, event.iq.sender)
    leg = jingle_leg.called(event, audio, follows, way == paths.END_TO_END, sees, effects)
    call = placing.place(id, leg, audio, line, way, user.policy, effects)
    call = replace(call, sees=_sees(line, user.policy))
    call_state.placed(call, target.words, event.sid, rewritten, effects)
    if call.undescribed is None:
        effects.record(RecordPath(id, way.path, way.why))
    return changed(user, None, call, effects)


def _fit(event: SessionInitiated, line: Line, policy: Policy) -> tuple[Audio, PathChoice] | Reason:
    """Return the audio of an offer that can be put through, and the path for it; or why there is none."""
    able = sip_leg.engine_capabilities(line.engine)
    audio = offer.audio(event.contents, event.bundles, _sees(line, policy))
    if isinstance(audio, Reason):
        return audio
    plain = audio.profile is MediaProfile.PLAIN
    if plain and not paths.relays(policy) and not takes(audio.description, able.families):
        return paths.APART
    apart = plain and not takes(audio.description, (line.family,))
    spoken = sip_leg.direct_profiles(Preparing(line))
    seen = audio.video is not None
    way = paths.choose(audio.description.codecs, audio.profile, spoken, policy, apart, seen)
    return way if isinstance(way, Reason) else (audio, way)


def _sees(line: Line, policy: Policy) -> bool:
    """Return True if a call over this line can have video."""
    return paths.sees(policy, sip_leg.engine_capabilities(line.engine).video, line.srtp != "off")


def _meant(user: User, to: str) -> str | None:
    """Return the SIP address that the user wants to call, as people write it, or what can be made of the JID; None if
    it is the gateway's own.
    """
    book = address_book(user, address.domain_of(to))
    found = mailbox_address.of_contact(user, to, book)
    target = found or dialling.target(to, replace(book, own=book.own or book.gateway))
    return address.local_of(to) if isinstance(target, BadAddress) else target.words


def proposed(user: User, event: CallProposed, effects: Effects) -> User:
    """Let a client describe the call that it proposes, or reject the proposal. A client that has described the call
    already needs no further answer.
    """
    if call := _described(user, event):
        effects.call = call.id
        return user
    effects.call = id = str(effects.version)
    ready = line_of_call(user, event.to)
    unlimited = _is_emergency(user.policy, event.to)
    if isinstance(ready, Refusal):
        problem: Reason | None = ready.reason
    else:
        problem = jmi.unacceptable(event, unlimited, _sees(ready, user.policy), effects)
    if problem:
        jmi.reject(event, problem, effects)
        rewritten = rewriting.record(ready.rewritten, dialling.dialled(event.to))
        call_state.refused(id, _meant(user, event.to), event.sid, problem, effects, rewritten)
        return user
    for call in user.calls.values():
        if not forking.proposes(call.jingle, event.to):
            continue
        if (call.jingle.invitation.sid, call.jingle.invitation.us) < (event.sid, event.sender):
            jmi.reject(event, Reason(Cause.BUSY, texts.CALLED_BY_THEM), effects, True)
            return user
        effects.call = call.id
        user = changed(user, call, _give_way(call, call.jingle, effects), effects)
        effects.call = id
    jmi.proceed(event, effects)
    return user


def _described(user: User, event: CallProposed) -> Call | None:
    """Return the call that the client has begun under the id of its proposal, None if there is none."""
    for call in user.calls.values():
        for session in jingle_leg.sessions(call.jingle):
            own = session.calls and (session.sid, session.client) == (event.sid, event.sender)
            if own and address.bare(session.us) == address.bare(event.to):
                return call
    return None


def _give_way(call: Call, leg: Forking, effects: Effects) -> Call:
    """End our call, whose proposal lost the tie: the SIP caller, whom the user is calling, finds the user busy."""
    gives_way = replace(call, jingle=forking.give_way(leg, effects), settled=True)
    return bridge.end(gives_way, Reason(Cause.BUSY, texts.CALLING_YOU), effects)
