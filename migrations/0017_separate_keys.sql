-- Holds the place of a migration that is made elsewhere and takes this one's place when both come together.
select 1;
