-- name: insert_job
insert into jobs (id, state, creator, total, created_at) values (%s, 'queued', %s, 0, %s);

-- name: insert_job_key
insert into keys.data_keys (owner, kek, wrapped, created_at) values (%s, %s, %s, %s);

-- name: insert_chunk
insert into job_chunks (job, number, size, state, sealed) values (%s, %s, %s, 'queued', %s);

-- name: set_total
update jobs set total = %s where id = %s;

-- name: read_job
select id, state, creator, total, done, left_out, created_at, started_at, finished_at from jobs where id = %s;

-- Marks chunks as handed to the broker; what the broker loses, the sweep finds again by this instant.
-- name: mark_sent
update job_chunks set sent_at = %s where job = %s and number = any(%s) and state = 'queued';

-- Counts an attempt at a chunk, in a transaction of its own, so that a chunk which kills its worker is
-- counted too. Nothing comes back for one that is done, cancelled, or held by somebody at work on it.
-- name: begin_attempt
update job_chunks c
set attempts = c.attempts + 1
from (
    select h.job, h.number
    from job_chunks h
    join jobs j on j.id = h.job
    where h.job = %s and h.number = %s and h.state = 'queued' and j.state in ('queued', 'running')
    for update of h skip locked
) held
where c.job = held.job and c.number = held.number
returning c.attempts;

-- Takes a chunk for this transaction, with the key that opens it.
-- name: take_chunk
select c.size, c.sealed, k.kek, k.wrapped
from job_chunks c
join jobs j on j.id = c.job
join keys.data_keys k on k.owner = c.job
where c.job = %s and c.number = %s and c.state = 'queued' and j.state in ('queued', 'running')
for update of c skip locked;

-- name: start_job
update jobs set state = 'running', started_at = %s where id = %s and state = 'queued';

-- A chunk that is done keeps no input.
-- name: finish_chunk
update job_chunks set state = 'done', done_at = %s, sealed = null where job = %s and number = %s;

-- The last of the chunks to get here finishes the job: the row's own counter says which one that is, also
-- where two come at once, since the second waits for the first and then counts on.
-- name: count_done
update jobs
set done = done + %(size)s,
    left_out = left_out + %(left_out)s,
    state = case when state = 'running' and done + %(size)s >= total then 'done' else state end,
    finished_at = case when state = 'running' and done + %(size)s >= total then %(now)s else finished_at end
where id = %(job)s;

-- name: close_job
update jobs set state = %(state)s, finished_at = %(now)s
where id = %(job)s and state in ('queued', 'running')
returning id;

-- What a closed job no longer needs. A chunk at work is skipped: it finishes or finds the job closed.
-- name: drop_chunks
delete from job_chunks
where (job, number) in (
    select job, number from job_chunks where job = %s and state = 'queued' for update skip locked
);

-- The chunk that keeps failing stays as a mark of where it failed, without its input.
-- name: fail_chunk
update job_chunks set state = 'failed', sealed = null where job = %s and number = %s;

-- Chunks that nobody has been told of, and those that were sent and then lost: after a while in which nothing
-- is done, or when others far behind them in the queue are done already, or so long ago that no queue explains
-- it. Each attempt after the first doubles the wait. A chunk that somebody holds is not lost.
-- name: find_unsent
select c.job, c.number
from job_chunks c
join jobs j on j.id = c.job
where
    c.state = 'queued'
    and j.state in ('queued', 'running')
    and (
        c.sent_at is null
        or (
            c.sent_at < %(now)s - %(patience)s * power(2, least(greatest(c.attempts, 1), 6) - 1)
            and (
                c.sent_at < %(now)s - %(patience)s * 60
                or exists (
                    select from job_chunks d
                    where d.job = c.job and d.number > c.number + 16 and d.state = 'done'
                )
                or not exists (
                    select from jobs o
                    join job_chunks d on d.job = o.id
                    where o.state = 'running' and d.done_at > %(now)s - %(patience)s
                )
            )
        )
    )
order by c.job, c.number
limit %(limit)s
for update of c skip locked;

-- Jobs long finished: their keys go, and with them what was sealed for no subject.
-- name: expire_jobs
delete from keys.data_keys k
using jobs j
where k.owner = j.id and j.finished_at < %s;

-- Results in the order they were made, a page at a time.
-- name: read_results
select
    d.id, d.subject, d.job, d.at, d.epoch, d.activity, d.policy, d.sealed, k.kek, k.wrapped,
    d.chunk, d.position
from decisions d
left join keys.data_keys k on k.owner = coalesce(d.subject, d.job)
where d.job = %(job)s and (d.chunk, d.position) > (%(chunk)s, %(position)s)
order by d.chunk, d.position
limit %(limit)s;
