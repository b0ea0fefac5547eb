-- Subjects with a consent or a mandate that has run out, longest ago first.
-- name: take_expiring
select id from subjects
where consent_due <= %(now)s
order by consent_due
limit %(limit)s
for update skip locked;

-- name: set_consent_due
update subjects set consent_due = %(due)s where id = %(subject)s;
