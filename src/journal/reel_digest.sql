-- What the contents of the video are known by, 16 bytes: src/frame/digest.rs. NULL for videos of earlier versions.
ALTER TABLE batches ADD COLUMN reel_digest BLOB CHECK (reel_digest IS NULL OR length(reel_digest) = 16);
