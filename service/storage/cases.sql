-- name: insert_case
insert into cases (id, subject, dedupe, state, created_at, sealed)
values (%(id)s, %(subject)s, %(dedupe)s, 'open', %(now)s, %(sealed)s)
on conflict (dedupe) do nothing
returning id;

-- name: read_cases
select id, state, created_at, sealed from cases where subject = %s order by created_at, id;

-- name: has_open
select exists (select from cases where subject = %s and state = 'open');

-- name: close_case
update cases set state = 'closed', sealed = %(sealed)s where id = %(id)s and state = 'open'
returning id;

-- name: delete_case
delete from cases where id = %s;
