-- Each reorder comes with its steps, in the same round trip.
-- name: read_open
select
    r.id, r.state, r.created_at, r.updated_at, r.steps, r.sealed,
    array(select st.sealed from reorder_steps st where st.reorder = r.id order by st.number)
from reorders r
where r.subject = %s and r.state = any(%s)
order by r.created_at, r.id;

-- name: read_all
select
    r.subject, r.id, r.state, r.created_at, r.updated_at, r.steps, r.sealed,
    array(select st.sealed from reorder_steps st where st.reorder = r.id order by st.number)
from reorders r
where r.subject = any(%s)
order by r.created_at, r.id;

-- name: read_one
select
    r.id, r.state, r.created_at, r.updated_at, r.steps, r.sealed,
    array(select st.sealed from reorder_steps st where st.reorder = r.id order by st.number)
from reorders r
where r.subject = %s and r.id = %s;

-- name: find_subject
select subject from reorders where id = %s;

-- A second proposal of the same cycle is none.
-- name: insert_reorders
with asked as materialized (
    select *
    from unnest(
        %(ids)b::uuid[], %(subjects)b::uuid[], %(states)s::text[], %(cycles)b::bytea[], %(sealed)b::bytea[],
        %(first)b::bytea[]
    ) asked (id, subject, state, cycle, sealed, first)
),
made as (
    insert into reorders (id, subject, state, cycle, created_at, updated_at, steps, sealed)
    select id, subject, state, cycle, %(now)s, %(now)s, 1, sealed from asked
    on conflict (cycle) do nothing
    returning id
)
insert into reorder_steps (reorder, number, at, sealed)
select id, 1, %(now)s, first from made join asked using (id)
returning reorder;

-- The state and the number of steps that the caller read guard the next one, so that twice equals once. The row
-- keeps what it says where the step changes none of it: null stands for that.
-- name: move_reorder
with moved as (
    update reorders
    set state = %(to)s, updated_at = %(now)s, steps = %(number)s, sealed = coalesce(%(sealed)s, sealed)
    where id = %(id)s and state = %(from)s and steps = %(number)s - 1
    returning id
)
insert into reorder_steps (reorder, number, at, sealed)
select id, %(number)s, %(now)s, %(step)s from moved
returning reorder;
