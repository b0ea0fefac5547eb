-- History is appended to and never rewritten. Only erasure may delete, and it says so inside its own
-- transaction; nothing may update.
create function refuse_rewriting() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('samtycke.erasing', true) = 'on' then
        return old;
    end if;
    raise exception 'history is append-only' using errcode = 'integrity_constraint_violation',
        constraint = 'history_append_only', table = tg_table_name;
end
$$;

create trigger consent_events_append_only before update or delete on consent_events
for each row execute function refuse_rewriting();

create trigger subject_states_append_only before update or delete on subject_states
for each row execute function refuse_rewriting();

create trigger subject_activity_append_only before update or delete on subject_activity
for each row execute function refuse_rewriting();

create trigger decisions_append_only before update or delete on decisions
for each row execute function refuse_rewriting();

create trigger access_log_append_only before update or delete on access_log
for each row execute function refuse_rewriting();

create trigger request_steps_append_only before update or delete on request_steps
for each row execute function refuse_rewriting();
