-- name: insert_model
insert into forecast_models (trained_at, document, digest, people, intervals)
values (%(now)s, %(document)s, %(digest)s, %(people)s, %(intervals)s)
returning version;

-- The version alone: whoever has read it before need not read it again.
-- name: newest_model
select version, digest from forecast_models order by version desc limit 1;

-- name: read_model
select document from forecast_models where version = %s;

-- name: read_trainings
select version, trained_at, people, intervals from forecast_models order by version desc limit %s;

-- People whose histories may be read for learning, drawn anew with every seed.
-- name: draw_subjects
select id from subjects
where status = 'active'
order by hashtextextended(id::text, %(seed)s), id
limit %(limit)s;
