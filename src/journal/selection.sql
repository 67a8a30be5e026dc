-- Which files of the root were looked at when it was last read (src/config/selection.rs). What a later selection shows
-- beyond that was there before. NULL for roots of earlier versions, which are taken to have shown what they show now.
ALTER TABLE watched ADD COLUMN selection TEXT;
