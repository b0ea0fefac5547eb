-- Key-encryption keys by state (NIST SP 800-57). The keys themselves are with their provider.
create table keys.keks (
    id text primary key,
    provider text not null,
    state text not null constraint keks_state_known
    check (state in ('active', 'deactivated', 'compromised', 'destroyed')),
    -- What processes reserved of the encryptions that one key allows (NIST SP 800-38D, section 8.3).
    invocations bigint not null default 0,
    created_at timestamptz not null default now(),
    deactivated_at timestamptz,
    destroyed_at timestamptz
);

create unique index keks_one_active on keys.keks (state) where state = 'active';

-- Values sealed under a data key, counted by sample.
alter table keys.data_keys add column seals bigint not null default 0;
-- A rotation rewrites every row once: with room on its page it touches no index.
alter table keys.data_keys set (fillfactor = 90);

-- Roots of the blind indexes, wrapped like data keys. `current` makes the digests of identifiers and is looked
-- up; `old` is still looked up, until no identifier has a digest of it. Version 1 serves all other digests too.
create table keys.index_roots (
    version bigint primary key,
    state text not null constraint index_roots_state_known check (state in ('current', 'old', 'retired')),
    kek text,
    wrapped bytea,
    created_at timestamptz not null default now()
);

create unique index index_roots_one_current on keys.index_roots (state) where state = 'current';

insert into keys.index_roots (version, state) values (1, 'current');

alter table identifiers add column index_version bigint not null default 1;

-- Nothing may be wrapped by a destroyed key. The lock makes a retirement wait for whoever is writing under the
-- key, and whoever writes later see what it did.
create function keys.refuse_destroyed() returns trigger language plpgsql as $$
begin
    if (
        select bool_or(k.state = 'destroyed') from (
            select state from keys.keks where id in (select kek from added) for key share
        ) k
    ) then
        raise exception 'the key has been destroyed' using errcode = 'integrity_constraint_violation',
            constraint = 'data_keys_kek_usable', table = tg_table_name;
    end if;
    return null;
end
$$;

create trigger data_keys_inserted after insert on keys.data_keys
referencing new table as added for each statement execute function keys.refuse_destroyed();

create trigger data_keys_updated after update on keys.data_keys
referencing new table as added for each statement execute function keys.refuse_destroyed();

create trigger index_roots_updated after update on keys.index_roots
referencing new table as added for each statement execute function keys.refuse_destroyed();
