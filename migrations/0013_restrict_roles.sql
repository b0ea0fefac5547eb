-- Two roles without a login. The service works as samtycke_service, which can add to history and to the ledger
-- and neither change nor delete there; samtycke_eraser owns the functions that may delete from history.
-- Roles belong to the whole server: another database of it may have made them, or be making them right now.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['samtycke_service', 'samtycke_eraser'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
    end loop;
    -- To hand functions over, whoever migrates must be able to act as their owner; a superuser is.
    if not pg_has_role('samtycke_eraser', 'SET') then
        execute format('grant samtycke_eraser to %I', current_user);
    end if;
end
$$;

-- Deleting from history needs the eraser's role, which is only had inside its functions; before, whoever set a
-- parameter of the session could. Nobody updates or truncates.
create or replace function refuse_rewriting() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and tg_table_schema <> 'ledger' and current_user = 'samtycke_eraser' then
        return old;
    end if;
    raise exception 'history is append-only' using errcode = 'integrity_constraint_violation',
        constraint = 'history_append_only', table = tg_table_name;
end
$$;

-- What is left of a person's history once the key is gone: rows that nobody can read. With the key there nothing
-- is deleted, so nobody can take one event out of the history of somebody who is not erased.
create function erase_history(person uuid)
returns table (
    decisions_gone bigint, activity_gone bigint, states_gone bigint, events_gone bigint, reads_gone bigint
)
language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    if exists (select from keys.data_keys k where k.owner = person) then
        raise exception 'the data key is still there' using errcode = 'integrity_constraint_violation',
            constraint = 'history_append_only';
    end if;
    delete from decisions where subject = person;
    get diagnostics decisions_gone = row_count;
    delete from subject_activity where subject = person;
    get diagnostics activity_gone = row_count;
    delete from subject_states where subject = person;
    get diagnostics states_gone = row_count;
    delete from consent_events where subject = person;
    get diagnostics events_gone = row_count;
    delete from access_log where subject = person;
    get diagnostics reads_gone = row_count;
    return next;
end
$$;

-- What a chunk of a bulk job kept about persons who were erased before it was done.
create function drop_erased_decisions(of_job uuid, of_chunk bigint, people uuid[])
returns void
language sql security definer set search_path = public, pg_temp
begin atomic
    delete from decisions d
    using subjects s
    where d.job = of_job and d.chunk = of_chunk and d.subject = any(people)
        and s.id = d.subject and s.status = 'erased';
end;

-- When two subjects become one, the steps of an open request are sealed anew under the other's key.
create function hand_over_request(of_request uuid, person uuid)
returns void
language sql security definer set search_path = public, pg_temp
begin atomic
    delete from request_steps st
    using requests r
    where st.request = of_request and r.id = of_request and r.closed_at is null and r.subject <> person;
    update requests set subject = person where id = of_request and closed_at is null;
end;

grant usage, create on schema public to samtycke_eraser;
grant usage on schema keys to samtycke_eraser;
alter function erase_history(uuid) owner to samtycke_eraser;
alter function drop_erased_decisions(uuid, bigint, uuid[]) owner to samtycke_eraser;
alter function hand_over_request(uuid, uuid) owner to samtycke_eraser;
revoke create on schema public from samtycke_eraser;
grant select, delete on decisions, subject_activity, subject_states, consent_events, access_log, request_steps
to samtycke_eraser;
grant select on subjects, requests, keys.data_keys to samtycke_eraser;
grant update (subject) on requests to samtycke_eraser;

revoke execute on function erase_history(uuid) from public;
revoke execute on function drop_erased_decisions(uuid, bigint, uuid[]) from public;
revoke execute on function hand_over_request(uuid, uuid) from public;
revoke execute on function ledger.seal_pending(bigint) from public;
grant execute on function erase_history(uuid) to samtycke_service;
grant execute on function drop_erased_decisions(uuid, bigint, uuid[]) to samtycke_service;
grant execute on function hand_over_request(uuid, uuid) to samtycke_service;
grant execute on function ledger.seal_pending(bigint) to samtycke_service;

grant usage on schema public, keys, ledger to samtycke_service;
grant select, insert, update, delete on all tables in schema public, keys to samtycke_service;
grant usage on all sequences in schema public to samtycke_service;
-- Later tables of these two schemas come with the same rights; a table of history takes its own back.
alter default privileges in schema public grant select, insert, update, delete on tables to samtycke_service;
alter default privileges in schema public grant usage on sequences to samtycke_service;
alter default privileges in schema keys grant select, insert, update, delete on tables to samtycke_service;

revoke update, delete on consent_events, subject_states, subject_activity, decisions, access_log, request_steps
from samtycke_service;
revoke insert, update, delete on schema_migrations from samtycke_service;
grant select on all tables in schema ledger to samtycke_service;
grant insert on ledger.pending, ledger.nodes, ledger.checkpoints, ledger.parts to samtycke_service;

create trigger consent_events_not_truncated before truncate on consent_events
for each statement execute function refuse_rewriting();

create trigger subject_states_not_truncated before truncate on subject_states
for each statement execute function refuse_rewriting();

create trigger subject_activity_not_truncated before truncate on subject_activity
for each statement execute function refuse_rewriting();

create trigger decisions_not_truncated before truncate on decisions
for each statement execute function refuse_rewriting();

create trigger access_log_not_truncated before truncate on access_log
for each statement execute function refuse_rewriting();

create trigger request_steps_not_truncated before truncate on request_steps
for each statement execute function refuse_rewriting();

create trigger pending_not_truncated before truncate on ledger.pending
for each statement execute function refuse_rewriting();

create trigger leaves_not_truncated before truncate on ledger.leaves
for each statement execute function refuse_rewriting();

create trigger nodes_not_truncated before truncate on ledger.nodes
for each statement execute function refuse_rewriting();

create trigger checkpoints_not_truncated before truncate on ledger.checkpoints
for each statement execute function refuse_rewriting();

create trigger parts_not_truncated before truncate on ledger.parts
for each statement execute function refuse_rewriting();
