-- What was read of each frame (src/frame/digest.rs): when the file had last changed in any way, NULL where that says nothing,
-- and what its bytes are known by. Both NULL for frames that are in no video yet or in one of an earlier version.
ALTER TABLE frames ADD COLUMN changed_ns INTEGER;
ALTER TABLE frames ADD COLUMN digest BLOB CHECK (digest IS NULL OR length(digest) = 16);
-- The same for the frames of a chunk, in their order: src/journal/chunks/packed.rs.
ALTER TABLE chunks ADD COLUMN contents BLOB;
