-- Makes a subject.
-- name: insert_subject
insert into subjects (id, status, epoch, activity, created_at, consent_due) values (%s, 'active', 1, 0, %s, %s);

-- A page of those whose data may be used.
-- name: list_active
select id from subjects where status = 'active' and id > %(after)s order by id limit %(limit)s;

-- name: insert_data_key
insert into keys.data_keys (owner, kek, wrapped, created_at) values (%s, %s, %s, %s);

-- The columns of read_subjects, once their locks are held.
-- name: lock_subjects
select id, status, epoch, activity, kek, wrapped, choices, contacts from lock_and_read(%s);

-- The same locks in the same order, and nothing read.
-- name: lock_rows
select id from subjects where id = any(%s) order by id for update;

-- Everything a decision about these subjects reads, in one statement.
-- name: read_subjects
select
    s.id, s.status, s.epoch, s.activity, k.kek, k.wrapped, st.sealed, a.sealed
from subjects s
left join keys.data_keys k on k.owner = s.id
left join subject_states st on st.subject = s.id and st.epoch = s.epoch
left join subject_activity a on a.subject = s.id and a.version = s.activity
where s.id = any(%s);

-- The state a past decision read: the document of one epoch and one activity version.
-- name: read_subject_at
select
    s.id, s.status, st.epoch, coalesce(a.version, 0), k.kek, k.wrapped, st.sealed, a.sealed
from subjects s
join subject_states st on st.subject = s.id and st.epoch = %(epoch)s
left join keys.data_keys k on k.owner = s.id
left join subject_activity a on a.subject = s.id and a.version = %(activity)s
where s.id = %(subject)s;

-- name: insert_state
insert into subject_states (subject, epoch, at, sealed) values (%s, %s, %s, %s);

-- name: raise_epoch
update subjects set epoch = %s, forecast_due = %s, consent_due = %s where id = %s;

-- name: save_activity
with version as (
    insert into subject_activity (subject, version, at, sealed)
    values (%(subject)s, %(version)s, %(at)s, %(sealed)s)
)
update subjects set activity = %(version)s where id = %(subject)s;

-- name: set_status
update subjects set status = %s where id = %s;

-- Appends an event, hands its commitment to the ledger, and writes the state that it leads to, in one statement:
-- one trip, and no lock that two subjects share.
-- name: save_change
with event as (
    insert into consent_events (id, subject, number, at, previous, digest, sealed)
    values (%(id)s, %(subject)s, %(number)s, %(at)s, %(previous)s, %(digest)s, %(sealed)s)
),
entry as (
    insert into ledger.pending (entry, kind, number, at, commitment)
    values (%(id)s, 'consent_event', %(number)s, %(at)s, %(commitment)s)
),
state as (
    insert into subject_states (subject, epoch, at, sealed)
    values (%(subject)s, %(epoch)s, %(at)s, %(choices)s)
)
update subjects set epoch = %(epoch)s, forecast_due = %(at)s, consent_due = %(due)s where id = %(subject)s;

-- name: read_events
select id, number, at, previous, digest, sealed from consent_events
where subject = %(subject)s and number > %(after)s
order by number
limit %(limit)s;
