-- Held for another branch: it brings the real file of this number.
select 1;
