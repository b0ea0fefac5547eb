-- name: insert_request
insert into requests (id, subject, type, state, created_at, due_at) values (%s, %s, %s, %s, %s, %s);

-- name: insert_step
insert into request_steps (request, number, at, state, sealed)
values (
    %(request)s,
    (select coalesce(max(number), 0) + 1 from request_steps where request = %(request)s),
    %(at)s, %(state)s, %(sealed)s
);

-- name: set_state
update requests set state = %(state)s, due_at = %(due_at)s, closed_at = %(closed_at)s where id = %(id)s;

-- Whether work on a request ever began, which it does when identity is established.
-- name: was_in_progress
select exists (select 1 from request_steps where request = %s and state = 'in_progress');

-- An erased person's other requests can no longer be answered, and their clocks must not run on.
-- name: close_moot
update requests set state = 'withdrawn', closed_at = %(now)s where subject = %(subject)s and closed_at is null;

-- Hands an open request to another person and takes its steps away, which the caller has read and writes anew.
-- name: give_to
select hand_over_request(%(request)s, %(target)s);

-- name: read_request
select id, subject, type, state, created_at, due_at, closed_at from requests where id = %s;

-- name: read_steps
select number, at, state, sealed from request_steps where request = %s order by number;

-- The oldest deadline first; `after` continues behind the last row of a page.
-- name: list_requests
select id, subject, type, state, created_at, due_at, closed_at from requests
where (due_at, id) > (%(due_at)s, %(id)s)
order by due_at, id
limit %(limit)s;

-- name: list_requests_of_subject
select id, subject, type, state, created_at, due_at, closed_at from requests
where subject = %s
order by created_at, id;
