-- The hour in which the first of a subject's consents runs out; null when none will. It says nothing about
-- which, and lets a sweep find them without opening everybody's choices.
alter table subjects add column consent_due timestamptz;

create index subjects_consent_due on subjects (consent_due) where consent_due is not null;

-- Whoever is here already is looked at once, which finds their hour.
update subjects set consent_due = date_trunc('hour', now()) where status <> 'erased';
