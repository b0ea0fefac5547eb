-- Gives an identifier to another subject: the digest stays, the sealed value is another's now.
-- name: move_identifier
update identifiers set subject = %s, sealed = %s where id = %s;

-- name: delete_signals
delete from signals where subject = %s;

-- name: entomb
update subjects
set status = 'erased', epoch = epoch + 1, erased_at = %(now)s, forecast_due = null, consent_due = null, merged_into = %(into)s
where id = %(subject)s;

-- Everybody who was merged into a subject, directly or through others.
-- name: read_merged
with recursive merged (id) as (
    select id from subjects where merged_into = %(subject)s
    union
    select s.id from subjects s join merged m on s.merged_into = m.id
)
select id from merged;

-- Whom an erased subject was merged into, if anybody.
-- name: read_survivor
select merged_into from subjects where id = %s;

-- The keys of merged subjects, which still open their past decisions.
-- name: read_merged_keys
select owner, kek, wrapped from keys.data_keys where owner = any(%s) order by owner;
