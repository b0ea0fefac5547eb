-- What forecasts have learned from the shop's own histories: priors per category, never anything about a person.
-- A version is written once; the newest is in use.
create table forecast_models (
    version bigint generated always as identity primary key,
    trained_at timestamptz not null,
    document jsonb not null,
    digest bytea not null,
    people bigint not null,
    intervals bigint not null
);
