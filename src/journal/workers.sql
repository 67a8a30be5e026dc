-- The process that works, or worked last, on a batch, and the one that made a chunk (src/journal/worker.rs). NULL for
-- those of earlier versions, whose process is gone.
ALTER TABLE batches ADD COLUMN worker TEXT;
ALTER TABLE chunks ADD COLUMN worker TEXT;

-- Staging folders and files that could not be removed, since their disk was away. They are tried again at each start.
CREATE TABLE litter (
    path BLOB PRIMARY KEY
) WITHOUT ROWID;
