-- A hold keeps an erasure from running for a reason of Art. 17(3) GDPR and until a date. `restricts`: the
-- person's processing was restricted because of it, and goes back to what it was when the hold ends.
create table legal_holds (
    id uuid primary key,
    subject uuid not null references subjects (id),
    code text not null constraint legal_holds_code_known check (
        code in ('expression', 'legal_obligation', 'public_health', 'archiving', 'legal_claims')
    ),
    until timestamptz not null,
    placed_by text not null,
    placed_at timestamptz not null,
    lifted_at timestamptz,
    restricts boolean not null default false
);

create index legal_holds_subject on legal_holds (subject);

-- One row per erasure: its certificate, which holds no personal data, and its line of the journal outside
-- the database. No key to subjects: a replay into an older copy may know one that is not there yet.
create table erasures (
    id uuid primary key,
    subject uuid not null,
    request uuid,
    at timestamptz not null,
    certificate jsonb not null,
    digest bytea not null,
    entry bigint not null constraint erasures_entry_once unique,
    line text not null
);

create index erasures_subject on erasures (subject);
create index erasures_request on erasures (request) where request is not null;

create trigger erasures_append_only before update or delete on erasures
for each row execute function refuse_rewriting();

create trigger erasures_not_truncated before truncate on erasures
for each statement execute function refuse_rewriting();

revoke update, delete on erasures from samtycke_service;

-- Whom Art. 19 GDPR wants told, and how far that has come.
create table recipient_notices (
    erasure uuid not null references erasures (id),
    recipient text not null,
    kind text not null constraint recipient_notices_kind_known check (kind in ('subject.erased')),
    state text not null constraint recipient_notices_state_known
    check (state in ('pending', 'sent', 'received', 'failed')),
    created_at timestamptz not null,
    changed_at timestamptz not null,
    primary key (erasure, recipient)
);

create index recipient_notices_pending on recipient_notices (created_at) where state = 'pending';
