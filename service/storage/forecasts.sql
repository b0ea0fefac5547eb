-- Subjects whose run-outs are worth looking at, longest due first. Another scanner's are skipped, and so is
-- one whose choices are being changed at this moment: it will be due when that is done.
-- name: take_due
select id from subjects
where forecast_due <= %(now)s
order by forecast_due
limit %(limit)s
for update skip locked;

-- name: set_due
update subjects s set forecast_due = asked.due
from unnest(%(subjects)s::uuid[], %(due)s::timestamptz[]) asked (subject, due)
where s.id = asked.subject;
