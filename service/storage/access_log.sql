-- name: insert_read
insert into access_log (id, subject, at, sealed) values (%s, %s, %s, %s);

-- name: read_reads
select id, at, sealed from access_log where subject = %s order by at, id;
