-- Identifiers whose digest is of an older version. Whoever holds one is not waited for: the next pass finds it.
-- name: take_old
select i.id, i.subject, i.sealed, k.kek, k.wrapped
from identifiers i
left join keys.data_keys k on k.owner = i.subject
where i.index_version < %(version)s and i.id > %(after)s
order by i.id
limit %(limit)s
for update of i skip locked;

-- name: set_blinds
update identifiers i
set blind = n.blind, index_version = %(version)s
from unnest(%(ids)b::uuid[], %(blinds)b::bytea[]) n (id, blind)
where i.id = n.id;

-- name: count_old
select count(*) from identifiers where index_version < %s;

-- Waits for whoever is registering under the version that is current so far.
-- name: change_versions
select pg_advisory_xact_lock(hashtext('keys.index_roots'));

-- name: end_current
update keys.index_roots set state = 'old' where state = 'current';

-- name: insert_root
insert into keys.index_roots (version, state, kek, wrapped) values (%s, 'current', %s, %s);

-- Its root is kept: marks of persons erased in its time are made of its digests.
-- name: retire_versions
update keys.index_roots set state = 'retired' where state = 'old' and version < %s;

-- name: newest_version
select max(version) from keys.index_roots;
