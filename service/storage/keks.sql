-- name: read_keks
select id, provider, state, invocations, created_at from keys.keks;

-- Two processes at their first start: the second waits and then finds what the first entered.
-- name: hold_keks
select pg_advisory_xact_lock(hashtext('keys.keks'));

-- name: insert_kek
insert into keys.keks (id, provider, state, deactivated_at)
values (%(id)s, %(provider)s, %(state)s, case when %(state)s = 'deactivated' then now() end);

-- Up to so many encryptions of an active key, within its limit.
-- name: reserve
update keys.keks k
set invocations = k.invocations + granted.count
from (
    select id, least(%(most)s, %(limit)s - invocations) as count
    from keys.keks where id = %(kek)s and state = 'active'
    for no key update
) granted
where k.id = granted.id and granted.count > 0
returning granted.count;

-- name: count_seals
update keys.data_keys set seals = seals + %s where owner = %s returning seals;

-- name: read_root
select kek, wrapped from keys.index_roots where version = %s;

-- name: hold_root
select kek, wrapped from keys.index_roots where version = %s for update;

-- name: keep_root
update keys.index_roots set kek = %s, wrapped = %s where version = %s;
