-- Where webhooks go. Address, secrets, and whom or what the endpoint is for are sealed under a data key of its
-- own. `route`: it is how this channel is served.
create table webhook_endpoints (
    id uuid primary key,
    types text[] not null,
    route text constraint webhook_endpoints_route_known check (route in ('sms', 'push', 'order')),
    state text not null constraint webhook_endpoints_state_known check (state in ('active', 'disabled', 'removed')),
    version bigint not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    sealed bytea not null
);

create unique index webhook_endpoints_route_once on webhook_endpoints (route)
where route is not null and state = 'active';

-- Who has been told of a change of consent (GDPR Art. 19). An endpoint's id says nothing about what changed: what
-- it is for is sealed.
create table change_notices (
    message uuid primary key,
    endpoint uuid not null references webhook_endpoints (id),
    subject uuid not null references subjects (id),
    state text not null constraint change_notices_state_known
    check (state in ('pending', 'sent', 'received', 'failed')),
    created_at timestamptz not null,
    changed_at timestamptz not null
);

create index change_notices_subject on change_notices (subject);
create index change_notices_open on change_notices (created_at, message) where state <> 'received';

-- The message that tells a recipient of an erasure, where there is an endpoint that stands for it.
alter table recipient_notices add column message uuid;

create index recipient_notices_message on recipient_notices (message) where message is not null;

-- What customers read in the app. `dedupe` is a keyed digest of the message's key, so that twice is once.
create table inbox_messages (
    id uuid primary key,
    subject uuid not null references subjects (id),
    dedupe bytea not null constraint inbox_messages_once unique,
    created_at timestamptz not null,
    read_at timestamptz,
    sealed bytea not null
);

create index inbox_messages_created_at on inbox_messages (created_at);
create index change_notices_created_at on change_notices (created_at);
create index inbox_messages_subject on inbox_messages (subject, created_at, id);
