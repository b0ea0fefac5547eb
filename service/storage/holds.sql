-- name: insert_hold
insert into legal_holds (id, subject, code, until, placed_by, placed_at) values (%s, %s, %s, %s, %s, %s);

-- name: read_holds
select id, subject, code, until, placed_by, placed_at, lifted_at, restricts from legal_holds
where subject = %s
order by placed_at, id;

-- name: lift_hold
update legal_holds set lifted_at = %s where id = %s;

-- name: mark_restricting
update legal_holds set restricts = true where id = %s;

-- name: move_holds
update legal_holds set subject = %s where subject = %s;

-- Holds past their date that still restrict somebody.
-- name: read_ended
select id, subject, code, until, placed_by, placed_at, lifted_at, restricts from legal_holds
where lifted_at is null and until <= %s
order by subject, id
limit %s;
