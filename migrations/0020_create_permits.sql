-- What became of permits. A permit has no row while it waits: its token is derived from the decision that
-- permitted it, so a row here is what makes it single-use, or ends it. Who redeemed what is sealed.
create table permits (
    decision uuid not null,
    place bigint not null,
    subject uuid not null references subjects (id),
    state text not null constraint permits_state_known check (state in ('redeemed', 'cancelled')),
    at timestamptz not null,
    -- From here on the row says nothing that its permit's own end does not say.
    purge_after timestamptz not null,
    -- A keyed digest of the Idempotency-Key it was redeemed with, so that a repeated request hears the same.
    claim bytea,
    sealed bytea not null,
    primary key (decision, place)
);

create index permits_subject on permits (subject);
create index permits_purge_after on permits (purge_after);

-- The catalogue of offers. Nothing in it is about a person, so it stands in clear.
create table offers (
    id text primary key,
    programme text not null,
    strategy text not null constraint offers_strategy_known
    check (strategy in ('respond', 'curate', 'coach', 'automate')),
    category text not null,
    sku text not null,
    data text [] not null,
    value bigint not null constraint offers_value_not_negative check (value >= 0),
    valid_until timestamptz,
    texts jsonb not null,
    sponsored boolean not null default false,
    updated_at timestamptz not null
);

-- The catalogue's version. Its row is locked by whoever changes an offer, so that versions rise in the order of
-- the commits, and a process that has read the catalogue at a version has read all of it.
create table offer_catalogue (
    one boolean primary key default true constraint offer_catalogue_is_one check (one),
    version bigint not null
);

insert into offer_catalogue (version) values (0);
