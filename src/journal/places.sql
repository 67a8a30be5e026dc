-- The folders that were written to beside the roots, each with what was seen of it and of its disk: src/watch/places.rs.
CREATE TABLE places (
    path BLOB PRIMARY KEY,
    seen TEXT NOT NULL -- JSON
) WITHOUT ROWID;

-- The same of the root of a batch and of the folder of its video, when it was published. NULL for batches of earlier versions.
ALTER TABLE batches ADD COLUMN root_seen TEXT;
ALTER TABLE batches ADD COLUMN reel_seen TEXT;
