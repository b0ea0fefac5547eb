-- Sealed values are random to a compressor: trying costs time on every write and never saves a byte. What
-- can be compressed is compressed before it is sealed.
alter table decisions alter column sealed set storage external;
alter table job_chunks alter column sealed set storage external;
alter table subject_states alter column sealed set storage external;
alter table subject_activity alter column sealed set storage external;

-- Pairs that the asking client may not see (special categories), counted in groups of ten or more.
alter table jobs add column left_out bigint not null default 0;
