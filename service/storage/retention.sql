-- Says inside this transaction that the deletes below are by age, which history allows.
-- name: begin_purging
select set_config('samtycke.purging', 'on', true);

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
delete from decisions where id in (
    select id from decisions where at < %(before)s limit %(limit)s for update skip locked
);

-- Versions that were followed by another and that no kept decision was made on.
-- name: purge_states
delete from subject_states where (subject, epoch) in (
    select st.subject, st.epoch
    from subject_states st
    join subjects s on s.id = st.subject
    where
        st.at < %(before)s
        and st.epoch < s.epoch
        and not exists (select from decisions d where d.subject = st.subject and d.epoch = st.epoch)
    limit %(limit)s for update of st skip locked
);

-- name: purge_activity
delete from subject_activity where (subject, version) in (
    select a.subject, a.version
    from subject_activity a
    join subjects s on s.id = a.subject
    where
        a.at < %(before)s
        and a.version < s.activity
        and not exists (select from decisions d where d.subject = a.subject and d.activity = a.version)
    limit %(limit)s for update of a skip locked
);

-- name: purge_access_log
delete from access_log where id in (
    select id from access_log where at < %(before)s limit %(limit)s for update skip locked
);

-- name: purge_request_details
delete from request_steps where (request, number) in (
    select t.request, t.number
    from request_steps t
    join requests r on r.id = t.request
    where r.closed_at < %(before)s
    limit %(limit)s for update of t skip locked
);

-- A job that ended long ago goes whole: what it answered about nobody, its chunks, its key and itself. What
-- it answered about persons is theirs, and goes with their decisions.
-- name: purge_jobs
with old as (
    select id from jobs where finished_at < %(before)s limit %(limit)s for update skip locked
),
answers as (
    delete from decisions using old where decisions.job = old.id and decisions.subject is null
),
chunks as (
    delete from job_chunks using old where job_chunks.job = old.id
),
sealed_by as (
    delete from keys.data_keys using old where data_keys.owner = old.id
)
select id from old;

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
delete from consent_events where subject = %s and number <= %s;
