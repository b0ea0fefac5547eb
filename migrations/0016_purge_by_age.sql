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

-- History may be removed by age. Only the eraser's role may do that, in these functions, and nothing that is
-- younger than the shortest period anybody could mean: whoever gets hold of the service cannot clear his traces.
create function oldest_of(before timestamptz) returns timestamptz
language sql stable
return least(before, now() - interval '1 day');

create function purge_decisions(before timestamptz, most bigint) returns bigint
language sql security definer set search_path = public, pg_temp
begin atomic
    with gone as (
        delete from decisions where id in (select id from decisions where at < oldest_of(before) limit most)
        returning 1
    )
    select count(*) from gone;
end;

-- Versions that were followed by another and that no kept decision was made on.
create function purge_states(before timestamptz, most bigint) returns bigint
language sql security definer set search_path = public, pg_temp
begin atomic
    with gone as (
        delete from subject_states where (subject, epoch) in (
            select st.subject, st.epoch
            from subject_states st
            join subjects s on s.id = st.subject
            where
                st.at < oldest_of(before)
                and st.epoch < s.epoch
                and not exists (select from decisions d where d.subject = st.subject and d.epoch = st.epoch)
            limit most
        )
        returning 1
    )
    select count(*) from gone;
end;

create function purge_activity(before timestamptz, most bigint) returns bigint
language sql security definer set search_path = public, pg_temp
begin atomic
    with gone as (
        delete from subject_activity where (subject, version) in (
            select a.subject, a.version
            from subject_activity a
            join subjects s on s.id = a.subject
            where
                a.at < oldest_of(before)
                and a.version < s.activity
                and not exists (
                    select from decisions d where d.subject = a.subject and d.activity = a.version
                )
            limit most
        )
        returning 1
    )
    select count(*) from gone;
end;

create function purge_access_log(before timestamptz, most bigint) returns bigint
language sql security definer set search_path = public, pg_temp
begin atomic
    with gone as (
        delete from access_log where id in (select id from access_log where at < oldest_of(before) limit most)
        returning 1
    )
    select count(*) from gone;
end;

create function purge_request_details(before timestamptz, most bigint) returns bigint
language sql security definer set search_path = public, pg_temp
begin atomic
    with gone as (
        delete from request_steps where (request, number) in (
            select t.request, t.number
            from request_steps t
            join requests r on r.id = t.request
            where r.closed_at < oldest_of(before)
            limit most
        )
        returning 1
    )
    select count(*) from gone;
end;

-- A person's first events, up to a number: all of them or none, for what is left must begin where the person's
-- state says. The last one stays: it ends the chain.
create function purge_events(person uuid, through bigint) returns bigint
language sql security definer set search_path = public, pg_temp
begin atomic
    with gone as (
        delete from consent_events e
        where
            e.subject = person and e.number <= through
            and not exists (
                select from consent_events young
                where young.subject = person and young.number <= through and young.at >= oldest_of(now())
            )
            and exists (select from consent_events later where later.subject = person and later.number > through)
        returning 1
    )
    select count(*) from gone;
end;

-- What old jobs answered about nobody. What they answered about persons goes with those persons' decisions.
create function purge_job_answers(old uuid[]) returns void
language sql security definer set search_path = public, pg_temp
begin atomic
    delete from decisions d
    using jobs j
    where j.id = any(old) and d.job = j.id and d.subject is null and j.finished_at < oldest_of(now());
end;

grant create on schema public to samtycke_eraser;
alter function purge_decisions(timestamptz, bigint) owner to samtycke_eraser;
alter function purge_states(timestamptz, bigint) owner to samtycke_eraser;
alter function purge_activity(timestamptz, bigint) owner to samtycke_eraser;
alter function purge_access_log(timestamptz, bigint) owner to samtycke_eraser;
alter function purge_request_details(timestamptz, bigint) owner to samtycke_eraser;
alter function purge_events(uuid, bigint) owner to samtycke_eraser;
alter function purge_job_answers(uuid[]) owner to samtycke_eraser;
revoke create on schema public from samtycke_eraser;
grant select on jobs to samtycke_eraser;

revoke execute on function purge_decisions(timestamptz, bigint) from public;
revoke execute on function purge_states(timestamptz, bigint) from public;
revoke execute on function purge_activity(timestamptz, bigint) from public;
revoke execute on function purge_access_log(timestamptz, bigint) from public;
revoke execute on function purge_request_details(timestamptz, bigint) from public;
revoke execute on function purge_events(uuid, bigint) from public;
revoke execute on function purge_job_answers(uuid[]) from public;
grant execute on function purge_decisions(timestamptz, bigint) to samtycke_service;
grant execute on function purge_states(timestamptz, bigint) to samtycke_service;
grant execute on function purge_activity(timestamptz, bigint) to samtycke_service;
grant execute on function purge_access_log(timestamptz, bigint) to samtycke_service;
grant execute on function purge_request_details(timestamptz, bigint) to samtycke_service;
grant execute on function purge_events(uuid, bigint) to samtycke_service;
grant execute on function purge_job_answers(uuid[]) to samtycke_service;
