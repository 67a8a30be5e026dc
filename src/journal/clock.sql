-- Frames are due when the wall clock has passed `cleanup_due_at` and the clock of the boot `due_boot` has passed
-- `due_boot_ms`, in milliseconds since that boot. NULL until that is counted.
ALTER TABLE batches ADD COLUMN due_boot TEXT;
ALTER TABLE batches ADD COLUMN due_boot_ms INTEGER;
-- Whether the frames stay because the config says so since, until it is read again.
ALTER TABLE batches ADD COLUMN stays INTEGER NOT NULL DEFAULT 0;
