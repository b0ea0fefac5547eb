-- name: put_held
insert into held_reorders (reorder, subject, goods, due_at)
values (%(reorder)s, %(subject)s, %(goods)s, %(due)s)
on conflict (reorder) do update set due_at = excluded.due_at, goods = excluded.goods;

-- No locks: whoever looks at one locks its subject first and finds out whether it still waits.
-- name: read_due
select reorder, subject from held_reorders
where due_at <= %(now)s
order by due_at
limit %(limit)s;

-- name: put_off
update held_reorders set due_at = %(due)s where reorder = %(reorder)s;

-- name: forget
delete from held_reorders where reorder = %s;

-- name: wake_subject
update held_reorders set due_at = %(now)s where subject = %(subject)s and due_at > %(now)s;

-- Everything that waits, as digests: who waits for one product is found without opening anything.
-- name: read_goods
select reorder, subject, goods from held_reorders;

-- name: wake
update held_reorders set due_at = %(now)s where reorder = any(%(reorders)s) and due_at > %(now)s;
