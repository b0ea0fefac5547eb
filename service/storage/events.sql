-- An event, and whom its subject is known as today: merges are followed to the last.
-- name: read_event
with recursive known (id, into_id) as (
    select s.id, s.merged_into
    from consent_events e
    join subjects s on s.id = e.subject
    where e.id = %(id)s
    union all
    select s.id, s.merged_into from known k join subjects s on s.id = k.into_id
)
select e.subject, k.id, e.number, e.at, e.previous, e.digest, e.sealed
from consent_events e, known k
where e.id = %(id)s and k.into_id is null;
