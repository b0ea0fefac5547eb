-- In clear stand opaque ids, instants, processing states and counters; everything a person said or
-- did is sealed under the subject's data key.
create table subjects (
    id uuid primary key,
    status text not null constraint subjects_status_known check (status in ('active', 'restricted', 'erased')),
    epoch bigint not null constraint subjects_epoch_positive check (epoch > 0),
    activity bigint not null default 0,
    created_at timestamptz not null,
    erased_at timestamptz,
    -- A subject found to be the same person as another is a tombstone that names the other. Its key and its
    -- past decisions stay until that person is erased.
    merged_into uuid references subjects (id),
    -- The next hour at which a run-out forecast is worth making; null when there is nothing to foresee.
    forecast_due timestamptz
);

create index subjects_forecast_due on subjects (forecast_due) where forecast_due is not null;

create index subjects_merged_into on subjects (merged_into) where merged_into is not null;

create table identifiers (
    id uuid primary key,
    subject uuid not null references subjects (id),
    blind bytea not null constraint identifiers_blind_known_once unique,
    sealed bytea not null,
    created_at timestamptz not null
);

create index identifiers_subject on identifiers (subject);

-- One sealed document per epoch holds every choice of the subject: a decision names the epoch it read.
create table subject_states (
    subject uuid not null references subjects (id),
    epoch bigint not null,
    at timestamptz not null,
    sealed bytea not null,
    primary key (subject, epoch)
);

-- Contacts and automatic orders, versioned apart from the choices because they change more often.
create table subject_activity (
    subject uuid not null references subjects (id),
    version bigint not null,
    at timestamptz not null,
    sealed bytea not null,
    primary key (subject, version)
);

-- What the customer said, in order, each event holding the digest of the one before.
create table consent_events (
    id uuid primary key,
    subject uuid not null references subjects (id),
    number bigint not null,
    at timestamptz not null,
    previous bytea not null,
    digest bytea not null,
    sealed bytea not null,
    constraint consent_events_in_order unique (subject, number)
);

-- Keyed marks of erased persons' identifiers, so that an erased person is not written to again.
create table suppression_marks (
    mark bytea primary key,
    at timestamptz not null
);

-- Locks subjects in the order of their ids, so that two callers never wait for each other, and then reads their
-- present state: in a second statement, which starts after the locks are held and sees what the holder before
-- committed. The join of one `for update` statement would not.
create function lock_and_read(wanted uuid[])
returns table (
    id uuid,
    status text,
    epoch bigint,
    activity bigint,
    kek text,
    wrapped bytea,
    choices bytea,
    contacts bytea
)
language plpgsql as $$
#variable_conflict use_column
begin
    perform 1 from subjects s where s.id = any(wanted) order by s.id for update;
    return query
    select s.id, s.status, s.epoch, s.activity, k.kek, k.wrapped, st.sealed, a.sealed
    from subjects s
    left join keys.data_keys k on k.owner = s.id
    left join subject_states st on st.subject = s.id and st.epoch = s.epoch
    left join subject_activity a on a.subject = s.id and a.version = s.activity
    where s.id = any(wanted);
end
$$;
