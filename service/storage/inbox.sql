-- Twice is once.
-- name: insert_message
insert into inbox_messages (id, subject, dedupe, created_at, sealed) values (%s, %s, %s, %s, %s)
on conflict on constraint inbox_messages_once do nothing;

-- The newest first; `after` continues behind the last row of a page.
-- name: read_page
select id, created_at, read_at, sealed from inbox_messages
where subject = %(subject)s and (created_at, id) < (%(at)s::timestamptz, %(id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: read_all
select id, created_at, read_at, sealed from inbox_messages where subject = %s order by created_at, id;

-- The first time counts.
-- name: mark_read
update inbox_messages set read_at = coalesce(read_at, %(now)s) where id = %(id)s and subject = %(subject)s
returning id, created_at, read_at, sealed;

-- name: move_message
update inbox_messages set subject = %s, sealed = %s where id = %s;
