-- Of a member, the person is counted once in a group for each metric.
-- name: count_all
with asked as materialized (
    select *
    from unnest(
        %(detectors)s::text[], %(programmes)s::text[], %(strategies)s::text[], %(categories)s::text[],
        %(stages)s::text[], %(metrics)s::text[], %(totals)s::bigint[], %(subjects)s::uuid[],
        %(members)s::bytea[]
    ) asked (detector, programme, strategy, category, stage, metric, total, subject, member)
),
joined as (
    insert into pilot_members (subject, member, created_at)
    select subject, member, %(now)s from asked where member is not null
    on conflict do nothing
    returning member
)
insert into pilot_tallies (month, detector, programme, strategy, category, stage, metric, total)
select %(month)s::date, a.detector, a.programme, a.strategy, a.category, a.stage, a.metric, a.total
from asked a left join joined j using (member)
where a.member is null or j.member is not null;

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
