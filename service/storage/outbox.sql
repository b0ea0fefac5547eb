-- The subjects are locked by the caller, so numbers rise in the order of the changes that queued.
-- name: insert_messages
insert into outbox (id, subject, lane, state, created_at, due_at, sealed)
select id, subject, lane, 'queued', %(now)s, due, sealed
from unnest(
    %(ids)b::uuid[], %(subjects)b::uuid[], %(lanes)b::bytea[], %(due)b::timestamptz[], %(sealed)b::bytea[]
) with ordinality new (id, subject, lane, due, sealed, place)
order by place;

-- The subject, if there is one, is locked by the caller.
-- name: insert_event
insert into outbox (id, subject, lane, state, created_at, due_at, sealed, event, endpoint)
values (%(id)s, %(subject)s, %(lane)s, 'queued', %(now)s, %(now)s, %(sealed)s, %(event)s, %(endpoint)s);

-- Takes what is due, for a moment: no lock is held afterwards, and a picker that dies costs that moment. A message
-- waits for the earlier ones of its lane that are due or under way, not for one that is put off.
-- name: pick_due
update outbox o
set picked_until = %(now)s + %(patience)s
from (
    select d.id from outbox d
    where
        d.state in ('queued', 'claimed')
        and d.due_at <= %(now)s
        and (d.picked_until is null or d.picked_until <= %(now)s)
        and not exists (
            select from outbox e
            where
                e.lane = d.lane
                and e.number < d.number
                and (e.state = 'claimed' or (e.state = 'queued' and (e.attempts > 0 or e.due_at <= %(now)s)))
        )
    order by d.due_at, d.number
    limit %(limit)s
    for update skip locked
) due
where o.id = due.id
returning o.id, o.subject, o.endpoint is not null;

-- One message, held until the transaction ends. The lock on its subject comes first.
-- name: hold_message
select id, subject, state, due_at, attempts, begun_at, claimed_at, ended_at, sealed, event, endpoint, outcome
from outbox where id = %s
for update;

-- Of one subject: what may still go, what is on its way, and what left or was given up after an attempt since an
-- instant; events aside, which no choice forbids. The subject is locked by the caller.
-- name: read_outstanding
select id, subject, state, due_at, attempts, begun_at, claimed_at, ended_at, sealed, event, endpoint, outcome
from outbox
where
    subject = %(subject)s
    and endpoint is null
    and (
        state in ('queued', 'claimed', 'parked')
        or (ended_at > %(since)s and (state = 'delivered' or (state = 'cancelled' and attempts > 0)))
    )
order by number;

-- All that there is of one subject, for the person's own request.
-- name: read_messages
select id, subject, state, due_at, attempts, begun_at, claimed_at, ended_at, sealed, event, endpoint, outcome
from outbox where subject = %s and endpoint is null
order by number;

-- What erased persons may still get from an attempt under way or of unknown end; nothing is opened.
-- name: read_under_way
select id, coalesce(claimed_at, created_at) from outbox
where
    subject = any(%(subjects)s)
    and endpoint is null
    and (
        state = 'claimed'
        or (state in ('queued', 'parked') and attempts > 0)
        or (state = 'delivered' and outcome = 'unknown' and ended_at > %(since)s)
        or (state = 'cancelled' and attempts > 0 and ended_at > %(since)s)
    )
order by number;

-- name: claim
update outbox
set state = 'claimed',
    attempts = attempts + 1,
    begun_at = coalesce(begun_at, %(now)s),
    claimed_at = %(now)s,
    due_at = %(lease)s,
    picked_until = null,
    outcome = null,
    sealed = coalesce(%(sealed)s, sealed)
where id = %(id)s;

-- name: put_off
update outbox set state = 'queued', due_at = %(due)s, picked_until = null where id = %(id)s;

-- Leaves it what it is, and looks again later.
-- name: look_later
update outbox set due_at = %(due)s, picked_until = null where id = %(id)s and state in ('queued', 'claimed');

-- name: end_message
update outbox
set state = %(state)s, outcome = %(outcome)s, ended_at = %(now)s, picked_until = null
where id = %(id)s;

-- An operator's wish, and no more than that: the next claim evaluates again. The days of trying begin anew.
-- name: requeue
update outbox
set state = 'queued', due_at = %(now)s, begun_at = null, ended_at = null, outcome = null
where id = %(id)s and state = 'parked' and outcome <> 'unreadable'
returning id;

-- name: list_parked
select id, number, outcome, attempts, created_at, ended_at, endpoint is not null
from outbox
where state = 'parked' and number > %(after)s
order by number
limit %(limit)s;

-- name: count_states
select state, count(*), count(*) filter (where due_at <= %(now)s) from outbox group by state order by state;

-- name: purge
delete from outbox where state in ('delivered', 'cancelled') and ended_at < %s;
