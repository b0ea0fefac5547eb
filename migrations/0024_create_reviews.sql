-- What a pharmacist is asked, and answered, about one order of a medicine: one row for each product and quantity
-- that was asked about, so that an approval counts for nothing else. Product, quantity, who and why are sealed.
create table reviews (
    id uuid primary key,
    reorder uuid not null,
    subject uuid not null references subjects (id),
    state text not null constraint reviews_state_known check (
        state in ('waiting', 'approved', 'rejected', 'void')
    ),
    created_at timestamptz not null,
    settled_at timestamptz,
    sealed bytea not null,
    constraint reviews_settled_once_answered check ((settled_at is null) = (state = 'waiting'))
);

create unique index reviews_one_waiting on reviews (reorder) where state = 'waiting';
create index reviews_reorder on reviews (reorder, id);
create index reviews_subject on reviews (subject);
create index reviews_waiting on reviews (id) where state = 'waiting';
create index reviews_settled on reviews (settled_at) where state <> 'waiting';

-- Reorders that wait for something, so that whoever looks for them opens no others. `goods` is a keyed digest of
-- person and product: two people who wait for the same thing do not show.
create table held_reorders (
    reorder uuid primary key,
    subject uuid not null references subjects (id),
    goods bytea not null,
    due_at timestamptz not null
);

create index held_reorders_due on held_reorders (due_at);
create index held_reorders_subject on held_reorders (subject);
