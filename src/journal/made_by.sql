-- Who made the frames, and what tells (JSON, NULL where nothing does, and for batches from before).
ALTER TABLE batches ADD COLUMN made_by TEXT;
