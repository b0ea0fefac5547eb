-- Only one seals at a time; the lock goes with the transaction.
-- name: hold_sealing
select pg_try_advisory_xact_lock(%s);

-- How long the log is, and what was signed last.
-- name: read_head
select l.size, c.size, c.root, c.note
from (select coalesce(max(position) + 1, 0) as size from ledger.leaves) l
left join lateral (
    select size, root, note from ledger.checkpoints order by size desc limit 1
) c on true;

-- name: move_pending
select place, leaf from ledger.seal_pending(%s);

-- name: copy_nodes
copy ledger.nodes (position, hashes) from stdin (format binary);

-- name: insert_checkpoint
insert into ledger.checkpoints (size, root, note, at) values (%s, %s, %s, %s);

-- name: read_nodes
select position, hashes from ledger.nodes where position = any(%s);

-- The first place of an entry: a second one is a replay, which counts for nothing.
-- name: find_leaf
select position, entry, kind, at, commitment from ledger.leaves where entry = %s order by position limit 1;

-- name: leaf_at
select position, entry, kind, at, commitment from ledger.leaves where position = %s;

-- name: insert_chunk
with parts as (
    insert into ledger.parts (entry, digests) values (%(entry)s, %(digests)s)
)
insert into ledger.pending (entry, kind, number, at, commitment)
values (%(entry)s, 'chunk', 0, %(at)s, %(commitment)s);

-- Whose entry it is, as long as what it stands for is there.
-- name: owner_of
select subject from consent_events where id = %(entry)s
union all
select subject from decisions where id = %(entry)s and subject is not null;
