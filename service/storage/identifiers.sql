-- Two registrations of one identifier at the same time: the second waits here and then finds the first.
-- name: hold_identifier
select pg_advisory_xact_lock(%s);

-- name: find_by_blind
select subject from identifiers where blind = %s;

-- name: find_many_by_blind
select blind, subject from identifiers where blind = any(%s);

-- name: insert_identifier
insert into identifiers (id, subject, blind, sealed, created_at) values (%s, %s, %s, %s, %s);

-- name: read_identifiers
select id, created_at, sealed from identifiers where subject = %s order by created_at, id;

-- name: delete_identifier
delete from identifiers where subject = %s and id = %s returning id;

-- name: delete_identifiers
delete from identifiers where subject = %s returning blind;

-- name: insert_mark
insert into suppression_marks (mark, at) values (%s, %s) on conflict do nothing;

-- name: find_mark
select 1 from suppression_marks where mark = %s;
