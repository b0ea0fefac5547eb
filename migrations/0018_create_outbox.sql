-- What is to be handed over, and what became of it. What is about a person is sealed under that person's key, and
-- goes with it; only an event that tells of an erasure stands in clear, has opaque ids alone, and names no subject.
-- A row with an endpoint is an event, which no choice forbids; one without is a message to the person or the shop.
--
-- due_at: when a queued one may go, and when a claimed one's lease ends; in both cases, when the relay looks at it.
-- picked_until: some relay is about to claim it; a second one leaves it alone so long.
-- lane: a keyed digest of person and recipient, in which messages keep the order of their numbers.
create table outbox (
    id uuid primary key,
    number bigint generated always as identity,
    subject uuid references subjects (id),
    lane bytea not null,
    state text not null constraint outbox_state_known check (
        state in ('queued', 'claimed', 'delivered', 'parked', 'cancelled')
    ),
    outcome text constraint outbox_outcome_known check (
        outcome in ('unknown', 'refused', 'exhausted', 'unreadable')
    ),
    created_at timestamptz not null,
    due_at timestamptz not null,
    picked_until timestamptz,
    attempts bigint not null default 0,
    begun_at timestamptz,
    claimed_at timestamptz,
    ended_at timestamptz,
    sealed bytea,
    event jsonb,
    endpoint uuid,
    constraint outbox_one_body check (num_nonnulls(sealed, event) = 1),
    constraint outbox_sealed_for_somebody check (sealed is null or subject is not null),
    constraint outbox_event_for_an_endpoint check (event is null or endpoint is not null)
);

alter table outbox alter column sealed set storage external;

create index outbox_due on outbox (due_at) where state in ('queued', 'claimed');
create index outbox_lane on outbox (lane, number) where state in ('queued', 'claimed');
create index outbox_subject on outbox (subject) where subject is not null;
create index outbox_ended on outbox (ended_at) where state in ('delivered', 'cancelled');
create index outbox_parked on outbox (number) where state = 'parked';
