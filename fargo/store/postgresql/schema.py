"""The tables in the database, and views on them for people with a tool for PostgreSQL, as migrations from one shape to
the next.

Rules:

1. A migration that has been released is never changed. The next shape is another migration, at the end of MIGRATIONS.
   The names are written into the database, so they stay as they are.
2. `events` and `commands` have the rows of `fargo.store.rows`. A body is text, so that it is read as it was written.
   The bare JID of a user is in the column `jid`: in PostgreSQL, `user` is who is connected to the database.
3. Names are compared byte by byte (collation "C"), so that all stores have the same order.
4. A view only shows what the core has recorded. `fargo.calls` says the same. Its columns are those of SQLite's view.
5. Each time is there as text too, in UTC, such as ``2026-07-04T12:00:03.262Z``. Durations are in seconds.
"""

from typing import Final

_RECORDS: Final = (
    "'Fault', 'NoteAccount', 'NoteAnswered', 'NoteBegun', 'NoteCarried', 'NoteDialog', 'NoteEarlyAudio',"
    " 'NoteEnded', 'NoteMedia', 'NotePath'"
)
"""The types of records that there were at first."""

_FAILURES: Final = """
    'application', 'congestion', 'fault', 'forbidden', 'media', 'network', 'not-found', 'security', 'server-error',
    'transport', 'unavailable'
"""

_TABLES: Final = """
create table events (
    id bigint primary key,
    jid text collate "C" not null,
    version bigint not null,
    at double precision not null,
    call text collate "C",
    rules integer not null,
    type text collate "C" not null,
    format integer not null,
    body text collate "C" not null,
    unique (jid, version)
);
create table commands (
    event bigint not null,
    place integer not null,
    call text collate "C",
    type text collate "C" not null,
    format integer not null,
    body text collate "C" not null,
    primary key (event, place)
);
create table log (name text not null, position bigint not null) with (fillfactor = 10);
insert into log values (replace(gen_random_uuid()::text, '-', ''), 0);
"""

_INDEXES: Final = f"""
create index notes_by_type on commands (type, event) where type in ({_RECORDS});
create index sign_outs on events (type) where type = 'SipSignedOut';
"""

_UTC: Final = """
create function utc(at double precision) returns text stable parallel safe language sql as $$
    select to_char(to_timestamp(trunc(at)) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.')
        || lpad(trunc((at - trunc(at)) * 1000)::integer::text, 3, '0') || 'Z'
$$;
"""

_CALL_RECORDS: Final = f"""
create view call_records as
select
    c.event, e.jid, e.version, e.at, utc(e.at) as time, c.type,
    replace(c.body, '\\u0000', '\\ufffd')::jsonb as body
from commands c join events e on e.id = c.event where c.type in ({_RECORDS});
"""
"""A text of JSON may have a character that no text of PostgreSQL has."""


_OF_TARGET: Final = "coalesce((body ->> 'forwarded')::boolean, false)"
"""True of the record of a dialog with the number that a call was forwarded to."""


def _latest(type: str, order: str = "desc", condition: str = "true") -> str:
    """Return the query for the last record of a type of each call, or for the first, among those of a condition."""
    return f"""
        select distinct on (jid, body ->> 'call') jid, body ->> 'call' as call, at, time, body
        from call_records where type = '{type}' and {condition} order by jid, body ->> 'call', event {order}
    """


_CALLS: Final = f"""
create view calls as
with begun as materialized (
    select jid, body ->> 'call' as call, event, at, time, body from call_records where type = 'NoteBegun'
), path as materialized ({_latest("NotePath")}
), answered as materialized ({_latest("NoteAnswered")}
), carried as materialized ({_latest("NoteCarried")}
), ended as materialized ({_latest("NoteEnded")}
), early as materialized ({_latest("NoteEarlyAudio", "asc")}
), dialog as materialized ({_latest("NoteDialog", condition=f"not {_OF_TARGET}")}
), target as materialized ({_latest("NoteDialog", condition=_OF_TARGET)}
), session as materialized (
    select
        jid, body ->> 'call' as call, event, at, body,
        lead(at) over (partition by jid, body ->> 'call' order by event) as until
    from call_records where type = 'NoteMedia'
), media as materialized (
    select
        jid, call, (array_agg(session.body order by session.event desc))[1] as body,
        (sum(case
            when jsonb_array_length(session.body -> 'held_by') > 0
            then trunc((coalesce(session.until, ended.at) - session.at) * 1000)
            else 0
        end) / 1000)::double precision as held
    from session left join ended using (jid, call) group by 1, 2
)
select
    begun.jid || '/' || call as call,
    begun.jid as jid,
    begun.body ->> 'direction' as direction,
    coalesce(begun.body ->> 'peer', '') as peer,
    coalesce(begun.body ->> 'name', '') as peer_name,
    begun.time as began,
    answered.time as answered,
    ended.time as ended,
    trunc((coalesce(answered.at, ended.at) - begun.at) * 1000) / 1000 as waited,
    trunc((ended.at - answered.at) * 1000) / 1000 as talked,
    coalesce(answered.body ->> 'client', '') as client,
    coalesce(path.body ->> 'path', '') as audio,
    coalesce(path.body ->> 'why', '') as audio_why,
    (carried.body ->> 'from_client')::bigint as from_client,
    (carried.body ->> 'from_phone')::bigint as from_phone,
    coalesce(ended.body ->> 'by', '') as ended_by,
    coalesce(ended.body ->> 'cause', '') as cause,
    coalesce(ended.body ->> 'text', '') as reason,
    coalesce(begun.body ->> 'session', '') as session,
    coalesce(dialog.body ->> 'call_id', '') as call_id,
    coalesce(dialog.body ->> 'sender', '') as sip_from,
    coalesce(dialog.body ->> 'recipient', '') as sip_to,
    (ended.body ->> 'sip_status')::integer as sip_status,
    early.time as early_audio,
    coalesce(
        (select string_agg(each, ', ') from jsonb_array_elements_text(media.body -> 'codecs') each), ''
    ) as codecs,
    coalesce(media.body ->> 'local', '') as media_local,
    coalesce(media.body ->> 'remote', '') as media_remote,
    media.held as held,
    case when media.body is null then null else coalesce((media.body ->> 'encrypted')::boolean::integer, 0) end
        as encrypted,
    (carried.body #>> '{{client_quality,loss}}')::double precision as loss_from_client,
    (carried.body #>> '{{phone_quality,loss}}')::double precision as loss_from_phone,
    (carried.body #>> '{{client_quality,jitter}}')::double precision as jitter_from_client,
    (carried.body #>> '{{phone_quality,jitter}}')::double precision as jitter_from_phone,
    (carried.body #>> '{{client_quality,mos}}')::double precision as mos_from_client,
    (carried.body #>> '{{phone_quality,mos}}')::double precision as mos_from_phone,
    coalesce(begun.body #>> '{{rewritten,written}}', '') as number_written,
    coalesce(begun.body #>> '{{rewritten,number}}', '') as number,
    coalesce(
        (select string_agg(each, '; ') from jsonb_array_elements_text(begun.body #> '{{rewritten,rules}}') each), ''
    ) as dial_rules,
    coalesce(path.body ->> 'forwarded_to', '') as forwarded_to,
    coalesce(target.body ->> 'call_id', '') as forwarded_call_id
from begun
left join path using (jid, call) left join answered using (jid, call)
left join carried using (jid, call) left join ended using (jid, call)
left join dialog using (jid, call) left join media using (jid, call) left join early using (jid, call)
left join target using (jid, call)
order by begun.event;
"""

_ACCOUNTS: Final = """
create view accounts as
select jid, address, signed_in, status, since from (
    select distinct on (jid)
        jid,
        coalesce(body ->> 'address', '') as address,
        coalesce((body ->> 'signed_in')::boolean, false) as signed_in,
        coalesce(body ->> 'status', '') as status,
        time as since
    from call_records where type = 'NoteAccount' order by jid, event desc
) latest where address <> '';
"""

_FAILURE_VIEW: Final = f"""
create view failures as
select * from (
    select ended as time, jid, 'call' as what, call, cause, reason from calls where cause in ({_FAILURES})
    union all
    select
        utc(e.at), e.jid, 'account', '', e.body::jsonb ->> 'trouble',
        coalesce(
            (select body ->> 'status' from call_records where type = 'NoteAccount' and event = e.id limit 1),
            (select body::jsonb ->> 'text' from commands where type = 'RefuseIq' and event = e.id limit 1),
            e.body::jsonb ->> 'text',
            ''
        )
    from (select id, jid, at, replace(body, '\\u0000', '\\ufffd') as body from events where type = 'SipSignedOut') e
    where e.body::jsonb ->> 'trouble' <> 'asked'
    union all
    select
        time, jid, 'bug', coalesce(jid || '/' || nullif(body ->> 'call', ''), ''), 'fault', body ->> 'error'
    from call_records where type = 'Fault'
) found order by time;
"""

_PASSWORDS: Final = """
create table passwords (
    name text collate "C" primary key,
    jid text collate "C" not null,
    sealed bytea not null,
    unused_since double precision
);
create table vault (proof bytea not null, only_row boolean primary key default true check (only_row));
"""

_LEASES: Final = """
create table leases (worker text collate "C" primary key, term bigint not null default 1);
"""

_OWNERS: Final = """
create table owners (
    jid text collate "C" primary key,
    worker text collate "C" not null,
    since bigint not null
);
create index owners_by_worker on owners (worker);
create table handed_on (
    id bigint generated always as identity primary key,
    worker text collate "C" not null,
    jid text collate "C" not null,
    source text collate "C" not null,
    written timestamptz not null default clock_timestamp(),
    sealed bytea not null
);
create index handed_on_by_worker on handed_on (worker, id);
create index handed_on_by_user on handed_on (jid);
"""

RECORDS: Final = f"{_RECORDS}, 'NoteTransfer'"
"""The types of commands in the index `notes_by_type`."""

_DONE: Final = "body ->> 'step' = 'done'"
_TRANSFERS: Final = f"""
drop index notes_by_type;
create index notes_by_type on commands (type, event) where type in ({RECORDS});
create or replace view call_records as
select
    c.event, e.jid, e.version, e.at, utc(e.at) as time, c.type,
    replace(c.body, '\\u0000', '\\ufffd')::jsonb as body
from commands c join events e on e.id = c.event where c.type in ({RECORDS});
create view transfers as
select
    time, jid, jid || '/' || (body ->> 'call') as call,
    body ->> 'step' as step,
    body ->> 'to' as target,
    coalesce(body ->> 'why', '') as why,
    coalesce((body ->> 'attended')::boolean, false) as attended
from call_records where type = 'NoteTransfer' order by event;
drop view failures;
drop view calls;
"""
_CALLS_WITH_TRANSFERS: Final = (
    _CALLS.replace(
        "), session as", f"), transferred as materialized ({_latest('NoteTransfer', condition=_DONE)}\n), session as"
    )
    .replace(
        " as forwarded_call_id\n",
        " as forwarded_call_id,\n    coalesce(transferred.body ->> 'to', '') as transferred_to\n",
    )
    .replace(
        "left join target using (jid, call)",
        "left join target using (jid, call) left join transferred using (jid, call)",
    )
)

LEASES: Final = "leases"
"""The name of the migration from which on there are leases."""
MIGRATIONS: Final = (
    ("log", _TABLES + _INDEXES),
    ("what_became_of_calls", _UTC + _CALL_RECORDS + _CALLS + _ACCOUNTS + _FAILURE_VIEW),
    ("passwords", _PASSWORDS),
    (LEASES, _LEASES),
    ("owners", _OWNERS),
    ("transfers", _TRANSFERS + _CALLS_WITH_TRANSFERS + _FAILURE_VIEW),
)
"""All of them, in order: each with its name and its statements."""
