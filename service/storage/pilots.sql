-- name: count_outcome
insert into pilot_tallies (month, detector, programme, strategy, category, stage, metric, total)
values (
    %(month)s, %(detector)s, %(programme)s, %(strategy)s, %(category)s, %(stage)s, %(metric)s, %(total)s
);

-- The person is counted once in a group for each of these metrics.
-- name: count_person
with joined as (
    insert into pilot_members (subject, member, created_at) values (%(subject)s, %(member)s, %(now)s)
    on conflict do nothing
    returning 1
)
insert into pilot_tallies (month, detector, programme, strategy, category, stage, metric, total)
select
    %(month)s::date, %(detector)s::text, %(programme)s::text, %(strategy)s::text, %(category)s::text,
    %(stage)s::text, %(metric)s::text, 0
from joined;

-- Two that folded at once would wait for each other's counts.
-- name: hold_fold
select pg_try_advisory_xact_lock(hashtext('samtycke.pilots'));

-- name: fold_tallies
with gone as (
    delete from pilot_tallies
    returning month, detector, programme, strategy, category, stage, metric, total
)
insert into pilot_counts (
    month, detector, programme, strategy, category, stage, metric, count, total
)
select month, detector, programme, strategy, category, stage, metric, count(*), sum(total)::bigint
from gone
group by month, detector, programme, strategy, category, stage, metric
on conflict (month, detector, programme, strategy, category, stage, metric) do update
set count = pilot_counts.count + excluded.count, total = pilot_counts.total + excluded.total;

-- Both halves in one statement, so that a fold under way is seen wholly or not at all.
-- name: read_counts
select detector, programme, strategy, category, stage, metric, sum(count)::bigint, sum(total)::bigint
from (
    select detector, programme, strategy, category, stage, metric, count, total from pilot_counts
    union all
    select detector, programme, strategy, category, stage, metric, 1, total from pilot_tallies
) counted
where programme = coalesce(%(programme)s::text, programme)
group by detector, programme, strategy, category, stage, metric
order by detector, programme, strategy, category, stage, metric;

-- name: purge_counts
delete from pilot_counts where month < %(before)s;
