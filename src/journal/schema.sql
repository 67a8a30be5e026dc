-- Times are milliseconds since the Unix epoch. Paths are bytes. Identities are those of `stat`, as signed 64 bits.

CREATE TABLE batches (
    -- Never given out twice: staging files and private folders are named by it.
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    root            BLOB NOT NULL,
    dir             BLOB NOT NULL,
    pattern         TEXT NOT NULL, -- JSON
    reason          TEXT NOT NULL, -- JSON
    state           TEXT NOT NULL
                    CHECK (state IN ('pending', 'encoding', 'publishing', 'published', 'cleaned', 'failed', 'stale')),
    first           INTEGER NOT NULL,
    last            INTEGER NOT NULL,
    count           INTEGER NOT NULL,
    missing         TEXT NOT NULL, -- JSON
    unreadable      TEXT NOT NULL, -- JSON, numbers given up on before the batch was sealed
    anomalies       TEXT NOT NULL DEFAULT '[]', -- JSON, an array of sentences
    recipe          TEXT NOT NULL,
    rate_num        INTEGER NOT NULL,
    rate_den        INTEGER NOT NULL,
    ffmpeg          TEXT,
    staging         BLOB,
    -- While publishing: the name that is being tried, and the staged file. Afterwards: the video.
    reel            BLOB,
    reel_dev        INTEGER,
    reel_ino        INTEGER,
    reel_size       INTEGER,
    reel_mtime_ns   INTEGER,
    encode_ms       INTEGER,
    verify_ms       INTEGER,
    created_at      INTEGER NOT NULL,
    started_at      INTEGER,
    ended_at        INTEGER,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER,
    error           TEXT,
    hint            TEXT,
    cleanup         TEXT, -- JSON; NULL where the frames stay
    despite_changes INTEGER NOT NULL DEFAULT 0,
    cleanup_due_at  INTEGER,
    cleanup_tries   INTEGER NOT NULL DEFAULT 0,
    removed         INTEGER NOT NULL DEFAULT 0,
    kept            INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX batches_by_state ON batches (state);
CREATE INDEX batches_by_dir ON batches (dir);
CREATE INDEX batches_by_reel ON batches (reel);

-- The files that a batch holds. Frames that were cleaned up lose their row.
CREATE TABLE frames (
    batch_id INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    dev      INTEGER NOT NULL,
    ino      INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    -- The file is no part of the video: it is held, and never cleaned up.
    left_out INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (batch_id, number)
) WITHOUT ROWID;

CREATE INDEX frames_by_ino ON frames (ino);

-- Stretches of sequences that are encoded and proved already, and wait for the rest.
CREATE TABLE chunks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    dir        BLOB NOT NULL,
    pattern    TEXT NOT NULL, -- JSON
    settings   TEXT NOT NULL,
    ffmpeg     TEXT NOT NULL,
    -- Of two rows with one name, the file can only be the later one's.
    file       BLOB NOT NULL UNIQUE,
    bytes      INTEGER NOT NULL,
    first      INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    frames     BLOB NOT NULL, -- src/journal/chunks/packed.rs
    samples    INTEGER NOT NULL,
    config     TEXT NOT NULL,
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    created_at INTEGER NOT NULL
);

CREATE INDEX chunks_by_dir ON chunks (dir);
