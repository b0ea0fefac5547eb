-- Which of these signals are here already. All writers hold the subject's lock, so the answer stays true
-- until the transaction ends.
-- name: read_known
select s.dedupe from signals s
join unnest(%(subjects)b::uuid[], %(digests)b::bytea[]) asked (subject, dedupe)
    on s.subject = asked.subject and s.dedupe = asked.dedupe;

-- Thousands of signals come in one call, and COPY takes them several times faster than INSERT.
-- name: copy_signals
copy signals (id, subject, dedupe, at, stored_at, purge_after, sealed) from stdin (format binary);

-- name: read_signals
select subject, id, at, sealed from signals where subject = any(%s) and at > %s order by at, id;

-- New signals make a forecast worth looking at now. A row that is due anyway is left alone: the column is
-- indexed, so each update costs an index entry.
-- name: wake_forecasts
update subjects set forecast_due = %(now)s
where id = any(%(subjects)s) and (forecast_due is null or forecast_due > %(now)s);

-- Every data category that a policy ever named: what was sealed under an old one still opens for its subject.
-- name: read_data_categories
select distinct category from policies, jsonb_object_keys(document -> 'data') category order by category;
