-- name: insert_cases
insert into cases (id, subject, dedupe, state, created_at, sealed)
select id, subject, dedupe, 'open', %(now)s, sealed
from unnest(%(ids)b::uuid[], %(subjects)b::uuid[], %(dedupe)b::bytea[], %(sealed)b::bytea[])
    asked (id, subject, dedupe, sealed)
on conflict (dedupe) do nothing
returning id;

-- name: read_cases
select subject, id, state, created_at, sealed
from cases
where subject = any(%s)
union all
select subject, id, state, created_at, sealed
from cases
where subject = any(%s) and state = 'open'
order by created_at, id;

-- name: close_case
update cases set state = 'closed', sealed = %(sealed)s where id = %(id)s and state = 'open'
returning id;

-- name: delete_case
delete from cases where id = %s;
