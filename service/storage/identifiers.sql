-- Two registrations of one identifier at the same time: the second waits here and then finds the first.
-- name: hold_identifier
select pg_advisory_xact_lock(%s);

-- Whoever registers holds the versions of the blind index together with others against a change; the versions
-- are read by the next statement, which sees what the lock waited for.
-- name: hold_versions
select pg_advisory_xact_lock_shared(hashtext('keys.index_roots'));

-- name: read_versions
select min(version) filter (where state <> 'retired'), max(version) from keys.index_roots;

-- The versions stand in the same snapshot as what was found: whoever asked with digests of others asks again.
-- name: find_by_blind
select v.oldest, v.newest, i.blind, i.subject
from (
    select min(version) filter (where state <> 'retired') as oldest, max(version) as newest
    from keys.index_roots
) v
left join identifiers i on i.blind = any(%s);

-- name: insert_identifier
insert into identifiers (id, subject, blind, index_version, sealed, created_at)
values (%s, %s, %s, %s, %s, %s);

-- name: read_identifiers
select id, created_at, sealed from identifiers where subject = %s order by created_at, id;

-- name: delete_identifier
delete from identifiers where subject = %s and id = %s returning id;

-- name: delete_identifiers
delete from identifiers where subject = %s returning blind;

-- name: insert_mark
insert into suppression_marks (mark, at) values (%s, %s) on conflict do nothing;

-- name: find_mark
select v.newest, m.mark is not null
from (select max(version) as newest from keys.index_roots) v
left join suppression_marks m on m.mark = any(%s)
limit 1;
