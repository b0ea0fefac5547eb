-- Whether a change of choices may have anything to stop: one look instead of three for most people at most times.
-- It may say yes where there is nothing, and never no where there is something.
-- name: read_standing
select
    exists (select from permits where subject = %(subject)s)
    or exists (
        select from decisions
        where subject = %(subject)s and at > %(of_jobs)s and (job is not null or at > %(asked)s)
    ),
    exists (select from reorders where subject = %(subject)s and state = any(%(open)s)),
    exists (
        select from outbox
        where
            subject = %(subject)s
            and endpoint is null
            and (
                state in ('queued', 'claimed', 'parked')
                or (ended_at > %(since)s and (state = 'delivered' or (state = 'cancelled' and attempts > 0)))
            )
    );
