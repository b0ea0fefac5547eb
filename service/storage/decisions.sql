-- Keeps the decisions of one call, unless the subject has been erased. The share lock makes this wait for an
-- erasure that is under way, and an erasure wait for this, so that no row is written behind its back. `commit`
-- is this transaction's synchronous_commit: off answers before the row has reached the disk. The ledger gets
-- its commitment in the same statement.
-- name: insert_decisions
with kept as (
    insert into decisions (id, subject, at, epoch, activity, policy, sealed)
    select %s, s.id, %s, %s, %s, %s, %s
    from subjects s, set_config('synchronous_commit', %s, true) as commit
    where s.id = %s and s.status <> 'erased'
    for key share of s
    returning id, at
)
insert into ledger.pending (entry, kind, number, at, commitment)
select id, 'decisions', 0, at, %s from kept;

-- The same about several subjects whose rows this transaction has locked, so none is being erased.
-- name: record_all
with asked as materialized (
    select *
    from unnest(
        %(ids)b::uuid[], %(subjects)b::uuid[], %(epochs)b::int8[], %(activities)b::int8[], %(sealed)b::bytea[],
        %(commitments)b::bytea[]
    ) asked (id, subject, epoch, activity, sealed, commitment)
),
kept as (
    insert into decisions (id, subject, at, epoch, activity, policy, sealed)
    select id, subject, %(at)s, epoch, activity, %(policy)s, sealed from asked
)
insert into ledger.pending (entry, kind, number, at, commitment)
select id, 'decisions', 0, %(at)s, commitment from asked;

-- A row with the key that opens it: its subject's, or its job's where it has no subject.
-- name: read_decisions
select d.id, d.subject, d.job, d.at, d.epoch, d.activity, d.policy, d.sealed, k.kek, k.wrapped
from decisions d
left join keys.data_keys k on k.owner = coalesce(d.subject, d.job)
where d.id = %s;

-- name: copy_decisions
copy decisions (id, subject, position, epoch, activity, sealed, job, chunk, at, policy) from stdin (format binary);

-- In the order of the ids, as everybody locks, so that nobody waits in a circle. It comes after the rows are
-- written: held only from here to the commit, subjects are free for changes while a chunk is being decided.
-- name: hold_living
select id from subjects where id = any(%s) and status <> 'erased' order by id for key share;

-- name: drop_erased
select drop_erased_decisions(%s, %s, %s);
