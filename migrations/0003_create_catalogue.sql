-- What is not about a person stands in clear.
create table policies (
    version bigint generated always as identity primary key,
    digest bytea not null,
    document jsonb not null,
    published_at timestamptz not null
);

create table products (
    sku text primary key,
    category text not null,
    name text not null,
    pack_size bigint not null constraint products_pack_size_positive check (pack_size > 0),
    usual_per_day double precision,
    price_minor bigint not null constraint products_price_not_negative check (price_minor >= 0),
    currency text not null,
    stock bigint,
    prescription boolean not null default false,
    as_needed boolean not null default false,
    limit_per_order bigint,
    limit_per_month bigint,
    updated_at timestamptz not null
);
