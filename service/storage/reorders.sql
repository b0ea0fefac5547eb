-- name: read_open
select id, state, created_at, updated_at, sealed from reorders
where subject = %s and state = any(%s)
order by created_at, id;

-- name: read_all
select subject, id, state, created_at, updated_at, sealed from reorders
where subject = any(%s)
order by created_at, id;

-- name: read_one
select id, state, created_at, updated_at, sealed from reorders
where subject = %s and id = %s;

-- name: find_subject
select subject from reorders where id = %s;

-- A second proposal of the same cycle is none.
-- name: insert_reorders
insert into reorders (id, subject, state, cycle, created_at, updated_at, sealed)
select id, subject, 'proposed', cycle, %(now)s, %(now)s, sealed
from unnest(%(ids)b::uuid[], %(subjects)b::uuid[], %(cycles)b::bytea[], %(sealed)b::bytea[])
    new (id, subject, cycle, sealed)
on conflict (cycle) do nothing
returning id;

-- The state that the caller read guards the step, so that twice equals once. What cannot be read is not
-- rewritten either: null keeps it.
-- name: move_reorder
update reorders set state = %(to)s, updated_at = %(now)s, sealed = coalesce(%(sealed)s, sealed)
where id = %(id)s and state = %(from)s
returning id;
