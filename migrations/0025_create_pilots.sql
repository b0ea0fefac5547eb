-- What was seen of one person and is measured later: an order that a shadow would have made, or an event that a
-- detector found. What it is stands sealed; `dedupe` is a keyed digest, so that one is found once.
create table cases (
    id uuid primary key,
    subject uuid not null references subjects (id),
    dedupe bytea not null constraint cases_once unique,
    state text not null constraint cases_state_known check (state in ('open', 'closed')),
    created_at timestamptz not null,
    sealed bytea not null
);

create index cases_subject on cases (subject, created_at, id);
create index cases_created_at on cases (created_at);

-- Who has been counted in a group of a pilot, so that people are counted once: the digest of the group is keyed.
create table pilot_members (
    subject uuid not null references subjects (id),
    member bytea not null,
    created_at timestamptz not null,
    primary key (subject, member)
);

create index pilot_members_created_at on pilot_members (created_at);

-- Counts of pilots by month. They are about no one person, and groups are the rollout entries of the policy.
-- `detector` is empty for reorders; `total` is the sum of ratings.
create table pilot_counts (
    month date not null,
    detector text not null,
    programme text not null,
    strategy text not null,
    category text not null,
    stage text not null,
    metric text not null,
    count bigint not null,
    total bigint not null,
    primary key (month, detector, programme, strategy, category, stage, metric)
);

-- The same, one row for each step, written in the step's own transaction: nobody waits for anybody's counter.
-- They are added to the counts every few minutes.
create table pilot_tallies (
    id bigint generated always as identity primary key,
    month date not null,
    detector text not null,
    programme text not null,
    strategy text not null,
    category text not null,
    stage text not null,
    metric text not null,
    total bigint not null
);
