-- A subject found to be the same person as another becomes a tombstone that names the other. Its key and its
-- past decisions stay until that person is erased.
alter table subjects add column merged_into uuid references subjects (id);

create index subjects_merged_into on subjects (merged_into) where merged_into is not null;
