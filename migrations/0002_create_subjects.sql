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
