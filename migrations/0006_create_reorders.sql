-- cycle is a keyed digest of product and cycle, so that one run-out proposes one reorder.
create table reorders (
    id uuid primary key,
    subject uuid not null references subjects (id),
    state text not null constraint reorders_state_known check (
        state in (
            'proposed', 'reminded', 'approved', 'announced', 'held', 'dispatched', 'delivered',
            'skipped', 'cancelled', 'failed'
        )
    ),
    cycle bytea not null constraint reorders_once_per_cycle unique,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    sealed bytea not null
);

create index reorders_subject on reorders (subject, created_at);
