create table jobs (
    id uuid primary key,
    state text not null constraint jobs_state_known
    check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
    creator bytea not null,
    total bigint not null,
    done bigint not null default 0,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz
);

create index jobs_open on jobs (created_at) where state in ('queued', 'running');

-- A chunk's input is sealed under the job's data key. A worker holds the row's lock while it works, so a
-- killed worker's chunk is free again as soon as the database sees its connection close.
create table job_chunks (
    job uuid not null references jobs (id),
    number bigint not null,
    size bigint not null,
    state text not null constraint job_chunks_state_known check (state in ('queued', 'done', 'failed')),
    sent_at timestamptz,
    attempts bigint not null default 0,
    done_at timestamptz,
    sealed bytea,
    primary key (job, number)
);

create index job_chunks_queued on job_chunks (job, number) where state = 'queued';

-- One row per asked subject and call (or chunk): candidates, answers and fields read, sealed. Pairs of an
-- unknown subject are sealed under the job's key and stand with a null subject.
create table decisions (
    id uuid primary key,
    subject uuid,
    job uuid,
    chunk bigint,
    position bigint,
    at timestamptz not null,
    epoch bigint,
    activity bigint,
    policy bigint not null,
    sealed bytea not null
);

create index decisions_subject_at on decisions (subject, at);
create index decisions_job on decisions (job, chunk, position) where job is not null;
