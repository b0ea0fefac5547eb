-- Says inside this transaction that the deletes below are an erasure, which history allows.
-- name: begin_erasing
select set_config('samtycke.erasing', 'on', true);

-- name: end_erasing
select set_config('samtycke.erasing', 'off', true);

-- name: destroy_key
delete from keys.data_keys where owner = %s;

-- name: delete_signals
delete from signals where subject = %s;

-- name: delete_decisions
delete from decisions where subject = %s;

-- name: delete_reorders
delete from reorders where subject = %s;

-- name: delete_activity
delete from subject_activity where subject = %s;

-- name: delete_states
delete from subject_states where subject = %s;

-- name: delete_events
delete from consent_events where subject = %s;

-- name: delete_access_log
delete from access_log where subject = %s;

-- name: delete_idempotency
delete from idempotency_keys where subject = %s;

-- name: delete_holds
delete from legal_holds where subject = %s;

-- What remains is the tombstone: an opaque id, that it was erased, and when.
-- name: entomb
update subjects
set status = 'erased', epoch = epoch + 1, activity = 0, erased_at = %(now)s, forecast_due = null
where id = %(subject)s
returning epoch;
