-- One registration at a time, so that two cannot both find a route free.
-- name: hold_endpoints
select pg_advisory_xact_lock(hashtext('samtycke.webhook_endpoints'));

-- name: insert_endpoint
insert into webhook_endpoints (id, types, route, state, version, created_at, changed_at, sealed)
values (%(id)s, %(types)s, %(route)s, 'active', 1, %(now)s, %(now)s, %(sealed)s);

-- name: insert_key
insert into keys.data_keys (owner, kek, wrapped, created_at) values (%s, %s, %s, %s);

-- name: read_endpoints
select e.id, e.types, e.route, e.state, e.version, e.created_at, e.changed_at, e.sealed, k.kek, k.wrapped
from webhook_endpoints e
left join keys.data_keys k on k.owner = e.id
where e.state = any(%s)
order by e.created_at, e.id;

-- Active endpoints that want a type of event; `request.*` stands for all that begin so.
-- name: read_subscribed
select e.id, e.types, e.route, e.state, e.version, e.created_at, e.changed_at, e.sealed, k.kek, k.wrapped
from webhook_endpoints e
left join keys.data_keys k on k.owner = e.id
where e.state = 'active' and e.types && %s::text[]
order by e.created_at, e.id;

-- name: read_endpoint
select e.id, e.types, e.route, e.state, e.version, e.created_at, e.changed_at, e.sealed, k.kek, k.wrapped
from webhook_endpoints e
left join keys.data_keys k on k.owner = e.id
where e.id = %s;

-- name: find_route
select id from webhook_endpoints where route = %s and state = 'active';

-- name: lock_endpoint
select 1 from webhook_endpoints where id = %s for update;

-- name: save_endpoint
update webhook_endpoints
set state = %(state)s, version = %(version)s, changed_at = %(now)s, sealed = %(sealed)s
where id = %(id)s;

-- name: disable
update webhook_endpoints set state = 'disabled', changed_at = %s where id = %s and state = 'active';
