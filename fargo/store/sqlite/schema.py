"""The log's tables, and views on them for people with a tool for SQLite, as migrations from one shape to the next.

Rules:

1. A migration that has been released is never changed. The next shape is another migration, at the end of SCHEMA. The
   names of the functions are written into the file, so they stay as they are.
2. A view only shows what the core has recorded. `fargo.calls` says the same.
3. Each time is there as text too, in UTC, such as ``2026-07-04T12:00:03.262Z``. Durations are in seconds.
"""

from secrets import token_hex
from typing import Final

from sqlite_utils import Database

_FIRST_RECORDS: Final = "'Fault', 'NoteAccount', 'NoteAnswered', 'NoteBegun', 'NoteCarried', 'NoteEnded', 'NotePath'"
"""The types of records that there were at first."""
RECORDS: Final = (
    "'Fault', 'NoteAccount', 'NoteAnswered', 'NoteBegun', 'NoteCarried', 'NoteDialog', 'NoteEarlyAudio',"
    " 'NoteEnded', 'NoteMedia', 'NotePath'"
)
"""The types of the records of calls, accounts and bugs among the commands."""

_RECORDS_WITH_TRANSFERS: Final = (*(each.strip() for each in RECORDS.split(",")), "'NoteTransfer'")

_CALLS: Final = """
    create view calls as
    with begun as materialized (
        select user, json_extract(body, '$.call') as call, event, at, time, body
        from notes where type = 'NoteBegun'
    ), path as materialized (
        select user, json_extract(body, '$.call') as call, max(event), body
        from notes where type = 'NotePath' group by 1, 2
    ), answered as materialized (
        select user, json_extract(body, '$.call') as call, max(event), at, time, body
        from notes where type = 'NoteAnswered' group by 1, 2
    ), carried as materialized (
        select user, json_extract(body, '$.call') as call, max(event), body
        from notes where type = 'NoteCarried' group by 1, 2
    ), ended as materialized (
        select user, json_extract(body, '$.call') as call, max(event), at, time, body
        from notes where type = 'NoteEnded' group by 1, 2
    ){parts}
    select
        begun.user || '/' || call as call,
        begun.user as user,
        json_extract(begun.body, '$.direction') as direction,
        {peer} as peer,
        coalesce(json_extract(begun.body, '$.name'), '') as peer_name,
        begun.time as began,
        answered.time as answered,
        ended.time as ended,
        cast((coalesce(answered.at, ended.at) - begun.at) * 1000 as integer) / 1000.0 as waited,
        cast((ended.at - answered.at) * 1000 as integer) / 1000.0 as talked,
        coalesce(json_extract(answered.body, '$.client'), '') as client,
        coalesce(json_extract(path.body, '$.path'), '') as audio,
        coalesce(json_extract(path.body, '$.why'), '') as audio_why,
        json_extract(carried.body, '$.from_client') as from_client,
        json_extract(carried.body, '$.from_phone') as from_phone,
        coalesce(json_extract(ended.body, '$.by'), '') as ended_by,
        coalesce(json_extract(ended.body, '$.cause'), '') as cause,
        coalesce(json_extract(ended.body, '$.text'), '') as reason,
        coalesce(json_extract(begun.body, '$.session'), '') as session{columns}
    from begun
    left join path using (user, call) left join answered using (user, call)
    left join carried using (user, call) left join ended using (user, call){joins}
    order by begun.event
"""
"""The view of calls; `peer` is the expression for that column. The others are "" in the views without SIP."""
_PEER: Final = "coalesce(json_extract(begun.body, '$.peer'), '')"
_SIP_PARTS: Final = """, early as materialized (
        select user, json_extract(body, '$.call') as call, min(event), time
        from notes where type = 'NoteEarlyAudio' group by 1, 2
    ), dialog as materialized (
        select user, json_extract(body, '$.call') as call, max(event), body
        from notes where type = 'NoteDialog' group by 1, 2
    ), session as materialized (
        select
            user, json_extract(body, '$.call') as call, event, at, body,
            lead(at) over (partition by user, json_extract(body, '$.call') order by event) as until
        from notes where type = 'NoteMedia'
    ), media as materialized (
        select
            session.user as user, session.call as call, max(session.event), session.body as body,
            sum(case
                when json_array_length(session.body, '$.held_by') > 0
                then cast((coalesce(session.until, ended.at) - session.at) * 1000 as integer)
                else 0
            end) / 1000.0 as held
        from session left join ended using (user, call) group by 1, 2
    )"""
_SIP_COLUMNS: Final = """,
        coalesce(json_extract(dialog.body, '$.call_id'), '') as call_id,
        coalesce(json_extract(dialog.body, '$.sender'), '') as sip_from,
        coalesce(json_extract(dialog.body, '$.recipient'), '') as sip_to,
        json_extract(ended.body, '$.sip_status') as sip_status,
        early.time as early_audio,
        coalesce((select group_concat(value, ', ') from json_each(media.body, '$.codecs')), '') as codecs,
        coalesce(json_extract(media.body, '$.local'), '') as media_local,
        coalesce(json_extract(media.body, '$.remote'), '') as media_remote,
        media.held as held,
        case when media.body is null then null else coalesce(json_extract(media.body, '$.encrypted'), 0) end
            as encrypted"""
_QUALITY_COLUMNS: Final = """,
        json_extract(carried.body, '$.client_quality.loss') as loss_from_client,
        json_extract(carried.body, '$.phone_quality.loss') as loss_from_phone,
        json_extract(carried.body, '$.client_quality.jitter') as jitter_from_client,
        json_extract(carried.body, '$.phone_quality.jitter') as jitter_from_phone,
        json_extract(carried.body, '$.client_quality.mos') as mos_from_client,
        json_extract(carried.body, '$.phone_quality.mos') as mos_from_phone"""
_NUMBER_COLUMNS: Final = """,
        coalesce(json_extract(begun.body, '$.rewritten.written'), '') as number_written,
        coalesce(json_extract(begun.body, '$.rewritten.number'), '') as number,
        coalesce((select group_concat(value, '; ') from json_each(begun.body, '$.rewritten.rules')), '')
            as dial_rules"""
_OF_TARGET: Final = "coalesce(json_extract(body, '$.forwarded'), 0)"
"""True of the record of a dialog with the number that a call was forwarded to."""
_BOTH_LEGS: Final = (
    _SIP_PARTS.replace("where type = 'NoteDialog'", f"where type = 'NoteDialog' and not {_OF_TARGET}")
    + f""", target as materialized (
        select user, json_extract(body, '$.call') as call, max(event), body
        from notes where type = 'NoteDialog' and {_OF_TARGET} group by 1, 2
    )"""
)
_FORWARDING_COLUMNS: Final = """,
        coalesce(json_extract(path.body, '$.forwarded_to'), '') as forwarded_to,
        coalesce(json_extract(target.body, '$.call_id'), '') as forwarded_call_id"""
_TRANSFER_PART: Final = """, transferred as materialized (
        select user, json_extract(body, '$.call') as call, max(event), body
        from notes where type = 'NoteTransfer' and json_extract(body, '$.step') = 'done' group by 1, 2
    )"""
_TRANSFER_COLUMN: Final = """,
        coalesce(json_extract(transferred.body, '$.to'), '') as transferred_to"""
_SIP_JOINS: Final = """
    left join dialog using (user, call) left join media using (user, call) left join early using (user, call)"""


def events_and_commands(db: Database) -> None:
    body = {"type": str, "format": int, "body": str}
    event = {"id": int, "user": str, "version": int, "at": float, **body}
    command = {"id": int, "user": str, "version": int, "place": int, **body}
    key = ("user", "version")
    db.table("events").create(event, pk="id", not_null=event.keys(), strict=True)
    db.table("events").create_index(key, unique=True)
    db.table("commands").create(
        command, pk="id", not_null=command.keys(), foreign_keys=[(key, "events", key)], strict=True
    )
    db.table("commands").create_index((*key, "place"), unique=True)


def commands_by_row_of_event(db: Database) -> None:
    """Key commands by the row of their event: keyed by user, each transaction touches pages all over the file."""
    command = {"event": int, "place": int, "type": str, "format": int, "body": str}
    key = ("event", "place")
    reference = [("event", "events", "id")]
    db.table("by_row").create(command, pk=key, not_null=command.keys(), foreign_keys=reference, strict=True)
    db.execute("""
        insert into by_row select e.id, c.place, c.type, c.format, c.body
        from commands c join events e on e.user = c.user and e.version = c.version order by e.id, c.place
    """)
    db.table("commands").drop()
    db.rename_table("by_row", "commands")


def times_in_text(db: Database) -> None:
    """Add the time as text. It is computed when it is queried."""
    second = "cast(at as integer)"
    milliseconds = f"cast((at - {second}) * 1000 as integer)"
    text = f"strftime('%Y-%m-%dT%H:%M:%S', {second}, 'unixepoch') || printf('.%03dZ', {milliseconds})"
    db.execute(f"alter table events add column time text generated always as ({text}) virtual")


def what_became_of_calls(db: Database) -> None:
    """Add the views, and indexes with only those rows that the views need: other rows cost nothing more to write."""
    failures = """
        'application', 'fault', 'forbidden', 'media', 'network', 'not-found', 'security', 'server-error', 'transport',
        'unavailable'
    """
    db.execute(f"create index notes_by_type on commands (type, event) where type in ({_FIRST_RECORDS})")
    db.execute("create index sign_outs on events (type) where type = 'SipSignedOut'")
    db.execute(f"""
        create view notes as
        select c.event, e.user, e.version, e.at, e.time, c.type, c.body
        from commands c join events e on e.id = c.event where c.type in ({_FIRST_RECORDS})
    """)
    db.execute(_CALLS.format(peer="json_extract(begun.body, '$.peer')", parts="", columns="", joins=""))
    db.execute("""
        create view accounts as
        select user, address, signed_in, status, since from (
            select
                user,
                coalesce(json_extract(body, '$.address'), '') as address,
                coalesce(json_extract(body, '$.signed_in'), 0) as signed_in,
                coalesce(json_extract(body, '$.status'), '') as status,
                time as since,
                max(event)
            from notes where type = 'NoteAccount' group by user
        ) where address <> ''
    """)
    db.execute(f"""
        create view failures as
        select ended as time, user, 'call' as what, call, cause, reason from calls where cause in ({failures})
        union all
        select
            e.time, e.user, 'account', '', json_extract(e.body, '$.trouble'),
            coalesce(
                (select json_extract(body, '$.status') from notes where type = 'NoteAccount' and event = e.id),
                (select json_extract(body, '$.text') from commands where type = 'RefuseIq' and event = e.id),
                json_extract(e.body, '$.text'),
                ''
            )
        from events e where type = 'SipSignedOut' and json_extract(e.body, '$.trouble') <> 'asked'
        union all
        select time, user, 'bug', '', 'fault', json_extract(body, '$.error') from notes where type = 'Fault'
        order by time
    """)


def calls_and_rules(db: Database) -> None:
    """Add the call of each event and command, and the version of the rules that folded the event."""
    db.execute("alter table events add column call text")
    db.execute("alter table events add column rules integer not null default 1")
    db.execute("alter table commands add column call text")


def calls_of_bugs(db: Database) -> None:
    """Name the call that a bug has ended in `failures`, and give the records a view with a name of their own."""
    failures = """
        'application', 'fault', 'forbidden', 'media', 'network', 'not-found', 'security', 'server-error', 'transport',
        'unavailable'
    """
    db.execute("create view call_records as select event, user, version, at, time, type, body from notes")
    db.execute("drop view failures")
    db.execute(f"""
        create view failures as
        select ended as time, user, 'call' as what, call, cause, reason from calls where cause in ({failures})
        union all
        select
            e.time, e.user, 'account', '', json_extract(e.body, '$.trouble'),
            coalesce(
                (select json_extract(body, '$.status') from notes where type = 'NoteAccount' and event = e.id),
                (select json_extract(body, '$.text') from commands where type = 'RefuseIq' and event = e.id),
                json_extract(e.body, '$.text'),
                ''
            )
        from events e where type = 'SipSignedOut' and json_extract(e.body, '$.trouble') <> 'asked'
        union all
        select
            time, user, 'bug', coalesce(user || '/' || nullif(json_extract(body, '$.call'), ''), ''), 'fault',
            json_extract(body, '$.error')
        from notes where type = 'Fault'
        order by time
    """)


def anonymous_callers(db: Database) -> None:
    """Keep `peer` empty in `calls` for an anonymous caller, whose address is null in the record now."""
    db.execute("drop view calls")
    db.execute(_CALLS.format(peer=_PEER, parts="", columns="", joins=""))


def sip_of_calls(db: Database) -> None:
    """Add what our own user agent records of a call to `calls`, and its types of records to `notes`."""
    db.execute("drop view calls")
    db.execute("drop view notes")
    db.execute("drop index notes_by_type")
    db.execute(f"create index notes_by_type on commands (type, event) where type in ({RECORDS})")
    db.execute(f"""
        create view notes as
        select c.event, e.user, e.version, e.at, e.time, c.type, c.body
        from commands c join events e on e.id = c.event where c.type in ({RECORDS})
    """)
    db.execute(_CALLS.format(peer=_PEER, parts=_SIP_PARTS, columns=_SIP_COLUMNS, joins=_SIP_JOINS))


def identity(db: Database) -> None:
    """Give the log a name that no other log has, and a place for the last position that an erased entry had."""
    db.table("log").create({"name": str, "erased": int}, not_null=("name", "erased"), strict=True)
    db.table("log").insert({"name": token_hex(16), "erased": 0})


def congestion(db: Database) -> None:
    """Add the calls that were refused because of congestion to `failures`."""
    failures = """
        'application', 'congestion', 'fault', 'forbidden', 'media', 'network', 'not-found', 'security', 'server-error',
        'transport', 'unavailable'
    """
    db.execute("drop view failures")
    db.execute(f"""
        create view failures as
        select ended as time, user, 'call' as what, call, cause, reason from calls where cause in ({failures})
        union all
        select
            e.time, e.user, 'account', '', json_extract(e.body, '$.trouble'),
            coalesce(
                (select json_extract(body, '$.status') from notes where type = 'NoteAccount' and event = e.id),
                (select json_extract(body, '$.text') from commands where type = 'RefuseIq' and event = e.id),
                json_extract(e.body, '$.text'),
                ''
            )
        from events e where type = 'SipSignedOut' and json_extract(e.body, '$.trouble') <> 'asked'
        union all
        select
            time, user, 'bug', coalesce(user || '/' || nullif(json_extract(body, '$.call'), ''), ''), 'fault',
            json_extract(body, '$.error')
        from notes where type = 'Fault'
        order by time
    """)


def quality_of_calls(db: Database) -> None:
    """Add to `calls` how well the audio got through, as far as the relay knows."""
    db.execute("drop view calls")
    columns = _SIP_COLUMNS + _QUALITY_COLUMNS
    db.execute(_CALLS.format(peer=_PEER, parts=_SIP_PARTS, columns=columns, joins=_SIP_JOINS))


def numbers_of_calls(db: Database) -> None:
    """Add to `calls` what dial rules have made of the peer's number."""
    db.execute("drop view calls")
    columns = _SIP_COLUMNS + _QUALITY_COLUMNS + _NUMBER_COLUMNS
    db.execute(_CALLS.format(peer=_PEER, parts=_SIP_PARTS, columns=columns, joins=_SIP_JOINS))


def forwarding_of_calls(db: Database) -> None:
    """Add to `calls` the number that a call was forwarded to, and keep that number's leg out of the other columns."""
    db.execute("drop view calls")
    columns = _SIP_COLUMNS + _QUALITY_COLUMNS + _NUMBER_COLUMNS + _FORWARDING_COLUMNS
    joins = _SIP_JOINS + " left join target using (user, call)"
    db.execute(_CALLS.format(peer=_PEER, parts=_BOTH_LEGS, columns=columns, joins=joins))


def records_one_by_one(db: Database) -> None:
    """Let the index of records, and their view, compare a type with one after the other: to write any command, SQLite
    would make a table of a list of types first. A query that names one of them uses the index as it did.
    """
    db.execute("drop view notes")
    db.execute("drop index notes_by_type")
    is_record = " or ".join(f"type = {each.strip()}" for each in RECORDS.split(","))
    db.execute(f"create index notes_by_type on commands (type, event) where {is_record}")
    db.execute(f"""
        create view notes as
        select c.event, e.user, e.version, e.at, e.time, c.type, c.body
        from (select * from commands where {is_record}) c join events e on e.id = c.event
    """)


def transfers(db: Database) -> None:
    """Add the records of transfers to the index of records and their view, a view of them, and to `calls` the latest
    number that a call was transferred to.
    """
    db.execute("drop view notes")
    db.execute("drop index notes_by_type")
    is_record = " or ".join(f"type = {each}" for each in _RECORDS_WITH_TRANSFERS)
    db.execute(f"create index notes_by_type on commands (type, event) where {is_record}")
    db.execute(f"""
        create view notes as
        select c.event, e.user, e.version, e.at, e.time, c.type, c.body
        from (select * from commands where {is_record}) c join events e on e.id = c.event
    """)
    db.execute("drop view calls")
    columns = _SIP_COLUMNS + _QUALITY_COLUMNS + _NUMBER_COLUMNS + _FORWARDING_COLUMNS + _TRANSFER_COLUMN
    joins = f"{_SIP_JOINS} left join target using (user, call) left join transferred using (user, call)"
    db.execute(_CALLS.format(peer=_PEER, parts=_BOTH_LEGS + _TRANSFER_PART, columns=columns, joins=joins))
    db.execute("""
        create view transfers as
        select
            time, user, user || '/' || json_extract(body, '$.call') as call,
            json_extract(body, '$.step') as step,
            json_extract(body, '$.to') as target,
            coalesce(json_extract(body, '$.why'), '') as why,
            coalesce(json_extract(body, '$.attended'), 0) as attended
        from notes where type = 'NoteTransfer' order by event
    """)


SCHEMA: Final = (
    events_and_commands,
    commands_by_row_of_event,
    times_in_text,
    what_became_of_calls,
    calls_and_rules,
    calls_of_bugs,
    anonymous_callers,
    sip_of_calls,
    identity,
    congestion,
    quality_of_calls,
    numbers_of_calls,
    forwarding_of_calls,
    records_one_by_one,
    transfers,
)
"""All of them, in order."""
