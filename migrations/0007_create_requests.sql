-- Requests under GDPR Art. 15-21, and the record of who read what.
create table requests (
    id uuid primary key,
    subject uuid not null references subjects (id),
    type text not null constraint requests_type_known check (
        type in ('access', 'portability', 'erasure', 'rectification', 'restriction', 'objection', 'review')
    ),
    state text not null constraint requests_state_known check (
        state in ('open', 'verifying', 'in_progress', 'extended', 'fulfilled', 'refused', 'withdrawn')
    ),
    created_at timestamptz not null,
    due_at timestamptz not null,
    closed_at timestamptz
);

create index requests_subject on requests (subject);
create index requests_open on requests (due_at) where closed_at is null;

create table request_steps (
    request uuid not null references requests (id),
    number bigint not null,
    at timestamptz not null,
    state text not null,
    sealed bytea not null,
    primary key (request, number)
);

create table access_log (
    id uuid primary key,
    subject uuid not null references subjects (id),
    at timestamptz not null,
    sealed bytea not null
);

create index access_log_subject_at on access_log (subject, at);

-- The first answer to a request with an Idempotency-Key, replayed for 24 hours.
create table idempotency_keys (
    blind bytea primary key,
    request_digest bytea not null,
    subject uuid,
    owner uuid not null,
    status bigint not null,
    sealed bytea not null,
    expires_at timestamptz not null
);

create index idempotency_keys_expires on idempotency_keys (expires_at);
create index idempotency_keys_subject on idempotency_keys (subject) where subject is not null;
