-- name: destroy_key
delete from keys.data_keys where owner = %s;

-- name: delete_signals
delete from signals where subject = %s;

-- Before the reorders that the steps belong to; by the eraser's role, as all history.
-- name: erase_reorder_steps
select erase_reorder_steps(%s);
-- name: delete_reviews
delete from reviews where subject = %s;

-- name: delete_held_reorders
delete from held_reorders where subject = %s;

-- name: delete_reorders
delete from reorders where subject = %s;

-- name: delete_withdrawals
delete from withdrawals where subject = %s;

-- name: delete_permits
delete from permits where subject = %s;

-- name: delete_cases
delete from cases where subject = %s;

-- name: delete_members
delete from pilot_members where subject = %s;

-- Messages to and about the person. Events that must outlive an erasure name no subject.
-- name: delete_messages
delete from outbox where subject = %s;

-- Only the eraser's role may delete from history, and only where the data key is gone already.
-- name: erase_history
select decisions_gone, activity_gone, states_gone, events_gone, reads_gone from erase_history(%s);

-- name: delete_idempotency
delete from idempotency_keys where subject = %s;

-- name: delete_inbox
delete from inbox_messages where subject = %s;

-- name: delete_changes_told
delete from change_notices where subject = %s;

-- name: delete_holds
delete from legal_holds where subject = %s;

-- What remains is the tombstone: an opaque id, that it was erased, and when.
-- name: entomb
update subjects
set status = 'erased', epoch = epoch + 1, activity = 0, erased_at = %(now)s, forecast_due = null, consent_due = null
where id = %(subject)s
returning epoch;
