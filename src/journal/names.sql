-- The names of files that the pattern does not give. NULL where it does, as in every row from before.
ALTER TABLE frames ADD COLUMN name BLOB;
