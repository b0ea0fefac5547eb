-- The newest published policy is the one in force.
-- name: in_force
select version from policies order by version desc limit 1;

-- name: read_policy
select document from policies where version = %s;

-- Publishing the document that is in force already is no new version.
-- name: insert_policy
insert into policies (digest, document, published_at)
select %(digest)s, %(document)s, %(now)s
where %(digest)s is distinct from (select digest from policies order by version desc limit 1)
returning version;

-- The policy in force at an instant.
-- name: version_at
select coalesce(max(version) filter (where published_at <= %(now)s), min(version)) from policies
having count(*) > 0;
