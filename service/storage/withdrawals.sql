-- Of a locked subject; twice is once.
-- name: insert_withdrawal
insert into withdrawals (id, subject, reorder, outcome, at, sealed)
values (%(id)s, %(subject)s, %(reorder)s, %(outcome)s, %(now)s, %(sealed)s)
on conflict on constraint withdrawals_once do nothing;

-- name: read_accepted
select id, reorder, outcome, at, sealed from withdrawals
where subject = %s and reorder = %s and outcome = 'accepted';

-- name: read_all
select id, reorder, outcome, at, sealed from withdrawals where subject = %s order by at, id;
