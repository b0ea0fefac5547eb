-- The rows of decisions behind some tokens. What was answered about nobody has no subject, and no permit.
-- name: read_issued
select id, subject, at, job, sealed from decisions where id = any(%s) and subject is not null;

-- Whether the two statements below could find anything, in one.
-- name: may_have_permits
select
    exists (select from permits where subject = %(subject)s)
    or exists (
        select from decisions
        where subject = %(subject)s and at > %(of_jobs)s and (job is not null or at > %(asked)s)
    );

-- What a person's permits may still stand on. `decisions_subject_at` leads to a day of rows.
-- name: read_outstanding
select id, subject, at, job, sealed from decisions
where subject = %(subject)s and at > %(of_jobs)s and (job is not null or at > %(asked)s)
order by at, id;

-- A row that may be purged says no more, whether it was purged or not.
-- name: read_settled
select decision, place, subject, state, at, claim, sealed from permits
where subject = any(%(subjects)s) and purge_after > %(now)s;

-- The subject's lock is held and the row was looked for under it: a second one would be a fault, and is refused
-- by the primary key.
-- name: settle_permit
insert into permits (decision, place, subject, state, at, purge_after, claim, sealed)
values (
    %(decision)s, %(place)s, %(subject)s, %(state)s, %(now)s, %(purge_after)s, %(claim)s, %(sealed)s
);

-- name: purge_permits
delete from permits where (decision, place) in (
    select decision, place from permits where purge_after <= %(now)s limit %(limit)s for update skip locked
);
