-- The roots that were watched, each by its path and what it is known by: what lies on another disk was not seen yet.
CREATE TABLE watched (
    path  BLOB NOT NULL, -- with links resolved
    mark  TEXT NOT NULL, -- src/watch/roots.rs
    since INTEGER NOT NULL,
    PRIMARY KEY (path, mark)
) WITHOUT ROWID;

-- The files that were there when their root was first watched, one row a folder.
CREATE TABLE existing (
    dir   BLOB PRIMARY KEY,
    -- The folder's inode: a folder that was renamed takes its files along.
    ino   INTEGER,
    -- src/sequence/existing.rs; NULL where the folder could not be read yet, so that all that is found in it was there.
    files BLOB
);

CREATE INDEX existing_by_ino ON existing (ino);
