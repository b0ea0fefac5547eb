-- name: read_version
select version from offer_catalogue;

-- Holds the catalogue for this transaction: the next change waits, and gets a later version.
-- name: raise_version
update offer_catalogue set version = version + 1;

-- name: read_all
select id, programme, strategy, category, sku, data, value, valid_until, texts, sponsored from offers order by id;

-- name: read_offer
select id, programme, strategy, category, sku, data, value, valid_until, texts, sponsored from offers
where id = %s;

-- name: list_offers
select id, programme, strategy, category, sku, data, value, valid_until, texts, sponsored from offers
where id > %(after)s
order by id
limit %(limit)s;

-- name: put_offer
insert into offers (
    id, programme, strategy, category, sku, data, value, valid_until, texts, sponsored, updated_at
)
values (
    %(id)s, %(programme)s, %(strategy)s, %(category)s, %(sku)s, %(data)s, %(value)s, %(valid_until)s,
    %(texts)s, %(sponsored)s, %(now)s
)
on conflict (id) do update set
    programme = excluded.programme, strategy = excluded.strategy, category = excluded.category,
    sku = excluded.sku, data = excluded.data, value = excluded.value, valid_until = excluded.valid_until,
    texts = excluded.texts, sponsored = excluded.sponsored, updated_at = excluded.updated_at;
