-- Subjects whose run-outs are worth looking at, longest due first. Another scanner's are skipped, and so is
-- one whose choices are being changed at this moment: it will be due when that is done.
-- name: take_due
select take_due(%(now)s, %(limit)s);

-- name: set_due
update subjects s set forecast_due = asked.due
from unnest(%(subjects)s::uuid[], %(due)s::timestamptz[]) asked (subject, due)
where s.id = asked.subject;
