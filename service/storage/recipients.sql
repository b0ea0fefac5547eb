-- name: insert_change
insert into change_notices (message, endpoint, subject, state, created_at, changed_at)
values (%(message)s, %(endpoint)s, %(subject)s, 'pending', %(now)s, %(now)s);

-- name: link_erasure
update recipient_notices set message = %(message)s where erasure = %(erasure)s and recipient = %(recipient)s;

-- Who has it has it, whatever comes later.
-- name: mark_change
update change_notices set state = %(state)s, changed_at = %(at)s
where message = %(message)s and endpoint = %(endpoint)s and state <> 'received';

-- name: mark_erasure
update recipient_notices set state = %(state)s, changed_at = %(at)s
where message = %(message)s and state <> 'received';

-- Both kinds, oldest first. A change's recipient is known by its endpoint.
-- name: list_notices
select n.created_at, n.id, n.recipient, n.kind, n.endpoint, n.subject, n.state, n.changed_at
from (
    select
        r.created_at, r.erasure as id, r.recipient, r.kind, null::uuid as endpoint, e.subject, r.state, r.changed_at
    from recipient_notices r
    join erasures e on e.id = r.erasure
    where r.state = any(%(states)s)
    union all
    select c.created_at, c.message, '', 'consent.changed', c.endpoint, c.subject, c.state, c.changed_at
    from change_notices c
    where c.state = any(%(states)s)
) n
where (n.created_at, n.id, n.recipient) > (%(at)s::timestamptz, %(id)s::uuid, %(recipient)s::text)
order by n.created_at, n.id, n.recipient
limit %(limit)s;
