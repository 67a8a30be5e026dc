-- Who began a batch, and is the only one to go on with it: the daemon, or `reeld encode`. Batches of earlier versions tell by
-- their reason, which `reeld encode` shares with nobody.
ALTER TABLE batches ADD COLUMN origin TEXT NOT NULL DEFAULT 'daemon' CHECK (origin IN ('daemon', 'encode'));
UPDATE batches SET origin = 'encode' WHERE reason = '"now"';
