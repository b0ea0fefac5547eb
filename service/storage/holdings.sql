-- Every recorded decision about a subject, oldest first, in the shape of `decisions.read_decisions`.
-- name: read_decisions
select d.id, d.subject, d.job, d.at, d.epoch, d.activity, d.policy, d.sealed, k.kek, k.wrapped
from decisions d
left join keys.data_keys k on k.owner = d.subject
where d.subject = %s
order by d.at, d.id;
