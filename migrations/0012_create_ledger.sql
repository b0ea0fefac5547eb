-- One append-only log over consent events and decisions, shaped as RFC 6962. It holds commitments alone: what
-- they stand for lies sealed elsewhere, and may be erased without a trace in the tree.
create schema ledger;

-- What has been written and has no place in the log yet. Rows come in with the transaction of what they stand
-- for, without an index or a counter that writers would meet at; the sealer moves them on in batches.
create table ledger.pending (
    entry uuid not null,
    kind text not null constraint pending_kind_known check (kind in ('consent_event', 'decisions', 'chunk')),
    -- An event's number in its person's chain; 0 for what has none.
    number bigint not null,
    at timestamptz not null,
    commitment bytea not null constraint pending_commitment_whole check (octet_length(commitment) = 32)
);

-- An entry that is handed in twice gets two places: refusing it would stop the log, and the verifier sees it.
create table ledger.leaves (
    position bigint primary key,
    entry uuid not null,
    kind text not null,
    at timestamptz not null,
    commitment bytea not null
);

create index leaves_entry on ledger.leaves (entry);

-- The hashes of all complete subtrees whose last leaf is at a position, its own first: 32 bytes each.
create table ledger.nodes (
    position bigint primary key,
    hashes bytea not null
);

create table ledger.checkpoints (
    size bigint primary key,
    root bytea not null,
    note text not null,
    at timestamptz not null
);

-- The digests of the rows of a bulk job's chunk, 32 bytes each, in their order: with them a chunk is checked
-- although some of its rows have been erased.
create table ledger.parts (
    entry uuid primary key,
    digests bytea not null
);

alter table ledger.parts alter column digests set storage external;

-- Moves pending rows to the end of the log and answers their places. It is the only way out of pending and the
-- only way into the log. Within a batch the order is that of the event numbers: whoever sees a person's second
-- event sees the first one too, so each person's events keep their order.
create function ledger.seal_pending(most bigint)
returns table (place bigint, leaf bytea)
language sql security definer set search_path = pg_catalog, pg_temp
as $$
with chosen as (
    select p.ctid as found from ledger.pending p order by p.number, p.entry limit most
),

taken as (
    delete from ledger.pending p using chosen c where p.ctid = c.found
    returning p.entry, p.kind, p.number, p.at, p.commitment
),

placed as (
    insert into ledger.leaves (position, entry, kind, at, commitment)
    select
        (select coalesce(max(l.position) + 1, 0) from ledger.leaves l)
        + row_number() over (order by t.number, t.entry) - 1,
        t.entry, t.kind, t.at, t.commitment
    from taken t
    returning leaves.position, leaves.commitment
)

select d.position, d.commitment from placed d order by d.position
$$;

create trigger leaves_append_only before update or delete on ledger.leaves
for each row execute function refuse_rewriting();

create trigger nodes_append_only before update or delete on ledger.nodes
for each row execute function refuse_rewriting();

create trigger checkpoints_append_only before update or delete on ledger.checkpoints
for each row execute function refuse_rewriting();

create trigger parts_append_only before update or delete on ledger.parts
for each row execute function refuse_rewriting();
