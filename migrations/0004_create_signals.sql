-- dedupe is a keyed digest of the sender's own id for the signal, so that sending twice stores once.
create table signals (
    id uuid primary key,
    subject uuid not null references subjects (id),
    dedupe bytea not null,
    at timestamptz not null,
    stored_at timestamptz not null,
    sealed bytea not null,
    constraint signals_once unique (subject, dedupe)
);

create index signals_subject_at on signals (subject, at);
