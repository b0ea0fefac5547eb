-- name: insert_review
insert into reviews (id, reorder, subject, state, created_at, sealed)
values (%(id)s, %(reorder)s, %(subject)s, 'waiting', %(now)s, %(sealed)s);

-- The newest case of a reorder, whatever its state: only the last word counts.
-- name: read_last
select id, reorder, state, created_at, settled_at, sealed from reviews
where reorder = %s and subject = %s
order by id desc
limit 1;

-- name: read_all
select id, reorder, state, created_at, settled_at, sealed from reviews
where subject = %s
order by id;

-- The queue, oldest first: cases whose order may still leave.
-- name: list_waiting
select v.id, v.reorder, v.state, v.created_at, v.settled_at, v.sealed, v.subject
from reviews v
join reorders r on r.id = v.reorder
where
    v.state = 'waiting'
    and v.id > %(after)s
    and r.state in ('announced', 'approved', 'held')
order by v.id
limit %(limit)s;

-- The state guards it: one answer for each case.
-- name: settle_review
update reviews set state = %(state)s, settled_at = %(now)s, sealed = %(sealed)s
where id = %(id)s and state = 'waiting'
returning id;

-- Cases whose order was given up, or has left the queue in another way: nobody is asked about them any more.
-- name: void_moot
update reviews v set state = 'void', settled_at = %(now)s
from reorders r
where
    r.id = v.reorder
    and v.state = 'waiting'
    and r.state not in ('proposed', 'reminded', 'announced', 'approved', 'held');
