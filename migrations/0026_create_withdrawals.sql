-- Withdrawals from a contract (CRD 9 to 11a), accepted or refused, at most one of each for a reorder. What was
-- said, and why it was refused, is sealed under the key of the reorder's owner.
create table withdrawals (
    id uuid primary key,
    subject uuid not null references subjects (id),
    reorder uuid not null,
    outcome text not null constraint withdrawals_outcome_known check (outcome in ('accepted', 'refused')),
    at timestamptz not null,
    sealed bytea not null,
    constraint withdrawals_once unique (reorder, outcome)
);

create index withdrawals_subject on withdrawals (subject, at);
create index withdrawals_at on withdrawals (at);

-- What the law leaves of the right to withdraw: all of it, only while the seal is whole (CRD 16(e)), or none.
alter table products add column withdrawal text not null default 'full'
constraint products_withdrawal_known check (withdrawal in ('full', 'sealed_only', 'excluded'));
