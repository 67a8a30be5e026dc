-- What a start asks for costs the same however many batches were made before.

-- The folder of the video: the videos that are in one folder, without those of the folders below it.
ALTER TABLE batches ADD COLUMN reel_dir BLOB;
CREATE INDEX batches_by_reel_dir ON batches (reel_dir);
DROP INDEX batches_by_reel;
WITH RECURSIVE slashes (id, reel, at) AS (
    SELECT id, reel, 0 FROM batches WHERE reel IS NOT NULL
    UNION ALL
    SELECT id, reel, at + instr(substr(reel, at + 1), x'2F') FROM slashes WHERE instr(substr(reel, at + 1), x'2F') > 0
)
UPDATE batches SET reel_dir = substr(found.reel, 1, max(found.last - 1, 1))
FROM (SELECT id, reel, max(at) AS last FROM slashes GROUP BY id) AS found WHERE found.id = batches.id;

-- Published batches are nearly all, and few of them have frames that are to be dealt with.
DROP INDEX batches_by_state;
CREATE INDEX batches_by_state ON batches (state, cleanup_due_at);

-- Nearly every folder could be read when it was first seen.
CREATE INDEX existing_unread ON existing (dir) WHERE files IS NULL;
