-- What programs called themselves, so that they need not be started to ask.
CREATE TABLE programs (
    path     BLOB PRIMARY KEY,
    dev      INTEGER NOT NULL,
    ino      INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    version  TEXT NOT NULL,
    asked_at INTEGER NOT NULL
) WITHOUT ROWID;
