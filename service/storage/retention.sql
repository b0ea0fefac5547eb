-- One sweep at a time: whoever does not get this leaves.
-- name: hold_sweep
select pg_try_advisory_xact_lock(hashtext('samtycke.retention'));

-- The sweep that goes on, or the last one.
-- name: last_run
select run, started_at, bool_and(finished_at is not null) from retention_runs
group by run, started_at
order by started_at desc, run desc
limit 1;

-- name: start_run
insert into retention_runs (run, what, started_at, changed_at)
select %(run)s, what, %(now)s, %(now)s from unnest(%(whats)b::text[]) what;

-- name: unfinished
select what from retention_runs where run = %s and finished_at is null;

-- name: count_removed
update retention_runs
set removed = removed + %(removed)s,
    changed_at = %(now)s,
    finished_at = case when %(finished)s then %(now)s end
where run = %(run)s and what = %(what)s;

-- name: read_runs
select run, what, started_at, changed_at, finished_at, removed from retention_runs
where run in (
    select run from retention_runs group by run, started_at order by started_at desc, run desc limit %s
)
order by started_at desc, run desc, what;

-- name: purge_signals
delete from signals where id in (
    select id from signals
    where purge_after <= %(now)s or (purge_after is null and at < %(before)s)
    limit %(limit)s for update skip locked
);

-- name: purge_decisions
select purge_decisions(%(before)s, %(limit)s);

-- name: purge_states
select purge_states(%(before)s, %(limit)s);

-- name: purge_activity
select purge_activity(%(before)s, %(limit)s);

-- name: purge_access_log
select purge_access_log(%(before)s, %(limit)s);

-- name: purge_request_details
select purge_request_details(%(before)s, %(limit)s);

-- name: purge_reorders
select purge_reorders(%(before)s, %(limit)s);

-- name: purge_inbox
delete from inbox_messages where id in (
    select id from inbox_messages where created_at < %(before)s limit %(limit)s for update skip locked
);

-- name: purge_cases
delete from cases where id in (
    select id from cases where created_at < %(before)s limit %(limit)s for update skip locked
);

-- With the month in which they were counted, not before: as long as the count stands, nobody is counted anew, or
-- five people would look like ten.
-- name: purge_members
delete from pilot_members where (subject, member) in (
    select subject, member from pilot_members
    where created_at < date_trunc('month', %(before)s::timestamptz)
    limit %(limit)s for update skip locked
);

-- Who was not told of a change stays, until they are or the person is erased.
-- name: purge_changes_told
delete from change_notices where message in (
    select message from change_notices
    where created_at < %(before)s and state = 'received'
    limit %(limit)s for update skip locked
);

-- A case that nobody has settled belongs to an order that still waits, or is settled by the sweep of held ones.
-- name: purge_reviews
delete from reviews where id in (
    select id from reviews
    where settled_at < %(before)s
    limit %(limit)s for update skip locked
);

-- name: purge_withdrawals
delete from withdrawals where id in (
    select id from withdrawals where at < %(before)s limit %(limit)s for update skip locked
);

-- A job that ended long ago goes whole: what it answered about nobody, its chunks, its key and itself. What
-- it answered about persons is theirs, and goes with their decisions.
-- name: old_jobs
select id from jobs where finished_at < %(before)s limit %(limit)s for update skip locked;

-- name: purge_job_answers
select purge_job_answers(%s);

-- name: delete_chunks
delete from job_chunks where job = any(%s);

-- name: delete_job_keys
delete from keys.data_keys where owner = any(%s);

-- name: delete_jobs
delete from jobs where id = any(%s);

-- Subjects with events so old that some of them may have lost their use, a page at a time.
-- name: subjects_with_old_events
select distinct e.subject from consent_events e
join subjects s on s.id = e.subject
where e.at < %(before)s and e.subject > %(after)s and s.status <> 'erased'
order by e.subject
limit %(limit)s;

-- name: delete_events
select purge_events(%s, %s);
