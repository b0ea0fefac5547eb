-- name: leaves
select position, entry, kind, at, commitment from ledger.leaves order by position;

-- name: nodes
select position, hashes from ledger.nodes order by position;

-- name: checkpoints
select size, root, at, note from ledger.checkpoints order by size;

-- name: pending
select entry, kind, at, commitment from ledger.pending order by entry;

-- name: parts
select entry, digests from ledger.parts order by entry;

-- Each person's chain, without what was said: the digest of the sealed bytes is what the chain covers.
-- name: events
select subject, number, id as event, at, previous, digest, sha256(sealed) as sealed
from consent_events
order by subject, number;

-- name: decisions
select
    id as row, coalesce(subject, job) as owner, job, chunk, at, epoch, activity, policy, sha256(sealed) as sealed
from decisions
order by id;

-- The last state of everybody whose key is there: it names the head of the chain.
-- name: states
select s.id, k.kek, k.wrapped, st.epoch, st.sealed
from subjects s
join keys.data_keys k on k.owner = s.id
join lateral (
    select epoch, sealed from subject_states where subject = s.id order by epoch desc limit 1
) st on true
order by s.id;

-- Every entry whose owner's key is there, with the key.
-- name: owned
select e.id, 'consent_event', e.subject, k.kek, k.wrapped, e.sealed, null::uuid, null::bigint
from consent_events e
join keys.data_keys k on k.owner = e.subject
union all
select d.id, 'decisions', d.subject, k.kek, k.wrapped, null, null, null
from decisions d
join keys.data_keys k on k.owner = d.subject
where d.job is null
union all
select null, 'chunk', c.job, k.kek, k.wrapped, null, c.job, c.chunk
from (select distinct job, chunk from decisions where job is not null) c
join keys.data_keys k on k.owner = c.job;
