-- The newest published policy in which the purpose or channel has this version of its notice; where none is
-- stated it is the lowest one that the purpose accepts.
-- name: read_notice_policy
with stated as (
    select version, document, document -> %(section)s::text -> %(name)s::text as entry
    from policies
    where document -> %(section)s::text ? %(name)s::text and version <= %(until)s
)
select document from stated
where coalesce(
    entry -> 'notice' ->> 'version',
    document -> 'notices' -> %(name)s::text ->> 'version',
    nullif(entry ->> 'min_notice_version', '0'),
    '1'
) = %(version)s::text
order by version desc
limit 1;
