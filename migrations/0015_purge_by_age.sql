-- Every signal knows when it is too old to be kept: its own instant and the period of its data category, up
-- to the next full hour. Rows without it are from before this migration, and go by the longest period.
alter table signals add column purge_after timestamptz;

create index signals_purge_after on signals (purge_after);
create index decisions_at on decisions (at);
create index access_log_at on access_log (at);

-- What each nightly sweep removed, by kind; a row is written with the batch that it counts.
create table retention_runs (
    run uuid not null,
    what text not null,
    started_at timestamptz not null,
    changed_at timestamptz not null,
    finished_at timestamptz,
    removed bigint not null default 0,
    primary key (run, what)
);

create index retention_runs_started on retention_runs (started_at);

-- History may be removed by erasure, and by age: whoever does so says which, inside its own transaction.
create or replace function refuse_rewriting() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and (
        current_setting('samtycke.erasing', true) = 'on' or current_setting('samtycke.purging', true) = 'on'
    ) then
        return old;
    end if;
    raise exception 'history is append-only' using errcode = 'integrity_constraint_violation',
        constraint = 'history_append_only', table = tg_table_name;
end
$$;
