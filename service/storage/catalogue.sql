-- name: read_listings
select sku, category, price_minor, currency from products where sku = any(%s);
