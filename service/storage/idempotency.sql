-- An answer kept longer than it is valid is as good as gone, and so is the key that sealed it alone.
-- name: drop_expired
with gone as (
    delete from idempotency_keys where blind = %(blind)s and expires_at <= %(now)s
    returning owner, subject
)
delete from keys.data_keys using gone
where data_keys.owner = gone.owner and gone.subject is null;

-- Claims the key for this transaction. A second caller waits here until the first has committed, and
-- then inserts nothing.
-- name: claim
insert into idempotency_keys (blind, request_digest, owner, status, sealed, expires_at)
values (%(blind)s, %(digest)s, %(owner)s, 0, '', %(expires_at)s)
on conflict (blind) do nothing
returning true;

-- name: read_answer
select i.request_digest, i.subject, i.owner, i.status, i.sealed, k.kek, k.wrapped
from idempotency_keys i
left join keys.data_keys k on k.owner = i.owner
where i.blind = %s;

-- name: insert_own_key
insert into keys.data_keys (owner, kek, wrapped, created_at) values (%s, %s, %s, %s);

-- name: read_subject_key
select kek, wrapped from keys.data_keys where owner = %s;

-- name: keep_answer
update idempotency_keys
set subject = %(subject)s, owner = %(owner)s, status = %(status)s, sealed = %(sealed)s
where blind = %(blind)s;

-- name: release
delete from idempotency_keys where blind = %s;

-- name: purge_expired
with gone as (
    delete from idempotency_keys where expires_at <= %(now)s
    returning owner, subject
),
shredded as (
    delete from keys.data_keys using gone
    where data_keys.owner = gone.owner and gone.subject is null
)
select count(*) from gone;

-- name: delete_for_subject
delete from idempotency_keys where subject = %s;
