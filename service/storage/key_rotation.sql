-- One rotation at a time, for as long as its session lives.
-- name: hold_rotation
select pg_try_advisory_lock(hashtext('keys.rotation'));

-- name: let_rotate
select pg_advisory_unlock(hashtext('keys.rotation'));

-- name: deactivate
update keys.keks set state = 'deactivated', deactivated_at = now() where state = 'active';

-- Whoever is writing under the key finishes first, and whoever comes later sees the new state.
-- name: hold_kek
select state, provider, extract(epoch from now() - deactivated_at)::float8
from keys.keks where id = %s for update;

-- name: set_state
update keys.keks
set state = %(state)s,
    deactivated_at = coalesce(deactivated_at, now()),
    destroyed_at = case when %(state)s = 'destroyed' then now() end
where id = %(kek)s;

-- Data keys by the key that wraps them. Roots of the blind indexes count too.
-- name: count_wrapped
select kek, sum(keys)::bigint, sum(roots)::bigint from (
    select kek, count(*) as keys, 0 as roots from keys.data_keys group by kek
    union all
    select kek, 0, count(*) from keys.index_roots where wrapped is not null group by kek
) wrapped
group by kek;

-- The next data keys that another than the active key wraps. Whoever holds one is not waited for: the next
-- pass finds it.
-- name: take_old
select owner, kek, wrapped from keys.data_keys
where kek <> %(active)s and owner > %(after)s
order by owner
limit %(limit)s
for update skip locked;

-- name: rewrap
update keys.data_keys k
set kek = %(kek)s, wrapped = n.wrapped
from unnest(%(owners)b::uuid[], %(wrapped)b::bytea[]) n (owner, wrapped)
where k.owner = n.owner;

-- name: take_old_roots
select version, kek, wrapped from keys.index_roots
where wrapped is not null and kek <> %s
order by version
for update;

-- name: rewrap_root
update keys.index_roots set kek = %s, wrapped = %s where version = %s;
