-- What the contents of the reel are known by, 16 bytes: src/frame/digest.rs. NULL for reels of earlier versions.
ALTER TABLE batches ADD COLUMN reel_digest BLOB CHECK (reel_digest IS NULL OR length(reel_digest) = 16);
