-- name: read_products
select
    sku, name, category, pack_size, usual_per_day, price_minor, currency, stock, prescription, as_needed,
    limit_per_order, limit_per_month, withdrawal
from products
where sku = any(%s);

-- name: list_products
select
    sku, name, category, pack_size, usual_per_day, price_minor, currency, stock, prescription, as_needed,
    limit_per_order, limit_per_month, withdrawal
from products
where sku > %(after)s
order by sku
limit %(limit)s;

-- name: put_product
insert into products (
    sku, name, category, pack_size, usual_per_day, price_minor, currency, stock, prescription, as_needed,
    limit_per_order, limit_per_month, withdrawal, updated_at
)
values (
    %(sku)s, %(name)s, %(category)s, %(pack_size)s, %(usual_per_day)s, %(price_minor)s, %(currency)s,
    %(stock)s, %(prescription)s, %(as_needed)s, %(limit_per_order)s, %(limit_per_month)s, %(withdrawal)s, %(now)s
)
on conflict (sku) do update set
    name = excluded.name, category = excluded.category, pack_size = excluded.pack_size,
    usual_per_day = excluded.usual_per_day, price_minor = excluded.price_minor,
    currency = excluded.currency, stock = excluded.stock, prescription = excluded.prescription,
    as_needed = excluded.as_needed, limit_per_order = excluded.limit_per_order,
    limit_per_month = excluded.limit_per_month, withdrawal = excluded.withdrawal,
    updated_at = excluded.updated_at;
