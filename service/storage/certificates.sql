-- name: insert_erasure
insert into erasures (id, subject, request, at, certificate, digest, entry, line)
values (%s, %s, %s, %s, %s, %s, %s, %s);

-- name: read_erasure
select id, certificate, digest from erasures where request = %s;

-- name: last_entry
select coalesce(max(entry), 0) from erasures;

-- name: read_lines
select entry, line from erasures order by entry;

-- Every recipient that a policy ever named may have received something.
-- name: read_policies
select document from policies order by version;

-- name: insert_notice
insert into recipient_notices (erasure, recipient, kind, state, created_at, changed_at)
values (%(erasure)s, %(recipient)s, 'subject.erased', 'pending', %(now)s, %(now)s);

-- name: read_notices
select recipient, kind, state, changed_at from recipient_notices where erasure = %s order by recipient;

-- What the copy that was brought back still believes to be open.
-- name: close_requests
update requests set state = 'fulfilled', closed_at = %(at)s
where subject = any(%(subjects)s) and type = 'erasure' and closed_at is null;

-- name: known_subjects
select id from subjects where id = any(%s) order by id for update;

-- One replay at a time.
-- name: hold_replay
select pg_advisory_xact_lock(hashtext('samtycke.replay_erasures'));
