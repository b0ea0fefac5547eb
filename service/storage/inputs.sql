-- Everything that a decision about one person depends on, in one statement: one trip, and a third of what
-- three statements in a pipeline cost the client. Skus go as one text, split at a character that no sku has, and
-- products come as one JSON text: psycopg takes longer over arrays than PostgreSQL over either. There is a row
-- also where there is no subject.
-- name: read_inputs
select
    (select version from policies order by version desc limit 1),
    (
        select json_agg(json_build_array(sku, category, price_minor, currency))::text
        from products
        where sku = any(string_to_array(%s, chr(31)))
    ),
    (select version from offer_catalogue),
    s.id, s.status, s.epoch, s.activity, k.kek, k.wrapped, st.sealed, a.sealed
from (select) one
left join subjects s on s.id = %s
left join keys.data_keys k on k.owner = s.id
left join subject_states st on st.subject = s.id and st.epoch = s.epoch
left join subject_activity a on a.subject = s.id and a.version = s.activity;
