-- Data and keys are backed up by two roles without a login, neither of which can read what the other dumps:
-- whoever has one dump opens nothing, and whoever runs one backup cannot make the other.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['samtycke_data_backup', 'samtycke_key_backup'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
    end loop;
end
$$;

grant usage on schema public, ledger to samtycke_data_backup;
grant select on all tables in schema public, ledger to samtycke_data_backup;
grant select on all sequences in schema public to samtycke_data_backup;
alter default privileges in schema public grant select on tables to samtycke_data_backup;
alter default privileges in schema public grant select on sequences to samtycke_data_backup;
alter default privileges in schema ledger grant select on tables to samtycke_data_backup;

grant usage on schema keys to samtycke_key_backup;
grant select on all tables in schema keys to samtycke_key_backup;
alter default privileges in schema keys grant select on tables to samtycke_key_backup;

-- The service wraps anew and counts; to whom a key belongs never changes, and what keys there were is kept.
revoke update on keys.data_keys from samtycke_service;
grant update (kek, wrapped, seals) on keys.data_keys to samtycke_service;
revoke delete on keys.keks, keys.index_roots from samtycke_service;
