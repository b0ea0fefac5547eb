-- What became of a reorder, one sealed row a step, which nobody rewrites; the row in reorders is what the steps
-- add up to. `steps` counts them, so that a history that somebody has shortened shows.
create table reorder_steps (
    reorder uuid not null references reorders (id),
    number bigint not null,
    at timestamptz not null,
    sealed bytea not null,
    primary key (reorder, number)
);

alter table reorder_steps alter column sealed set storage external;
alter table reorders add column steps bigint not null default 0;

create index reorders_ended on reorders (updated_at)
where state in ('delivered', 'skipped', 'cancelled', 'failed');

create trigger reorder_steps_append_only before update or delete on reorder_steps
for each row execute function refuse_rewriting();

create trigger reorder_steps_not_truncated before truncate on reorder_steps
for each statement execute function refuse_rewriting();

revoke update, delete on reorder_steps from samtycke_service;

-- The steps of a person whose key is gone, as erase_history does with the rest of the history.
create function erase_reorder_steps(person uuid) returns bigint
language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    gone bigint;
begin
    if exists (select from keys.data_keys k where k.owner = person) then
        raise exception 'the data key is still there' using errcode = 'integrity_constraint_violation',
            constraint = 'history_append_only';
    end if;
    delete from reorder_steps st using reorders r where r.id = st.reorder and r.subject = person;
    get diagnostics gone = row_count;
    return gone;
end
$$;

-- Reorders that ended long ago, whole: the steps, and what they added up to.
create function purge_reorders(before timestamptz, most bigint) returns bigint
language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    old uuid[];
begin
    old := array(
        select r.id from reorders r
        where r.state in ('delivered', 'skipped', 'cancelled', 'failed') and r.updated_at < oldest_of(before)
        limit most
    );
    delete from reorder_steps where reorder = any(old);
    delete from reorders where id = any(old);
    return cardinality(old);
end
$$;

grant create on schema public to samtycke_eraser;
alter function erase_reorder_steps(uuid) owner to samtycke_eraser;
alter function purge_reorders(timestamptz, bigint) owner to samtycke_eraser;
revoke create on schema public from samtycke_eraser;
grant select, delete on reorder_steps, reorders to samtycke_eraser;
revoke execute on function erase_reorder_steps(uuid) from public;
revoke execute on function purge_reorders(timestamptz, bigint) from public;
grant execute on function erase_reorder_steps(uuid) to samtycke_service;
grant execute on function purge_reorders(timestamptz, bigint) to samtycke_service;
