-- Data keys live in a schema of their own, so that they can be granted, backed up and destroyed
-- apart from what they seal. An owner is a subject or a bulk job; destroying the row shreds what
-- the key sealed (NIST SP 800-88r2, cryptographic erase).
create schema keys;

create table keys.data_keys (
    owner uuid primary key,
    kek text not null,
    wrapped bytea not null,
    created_at timestamptz not null
);
