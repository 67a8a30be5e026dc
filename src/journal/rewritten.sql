-- Numbers whose files were written over while the sequence was open: JSON, inclusive ranges. None in rows from before.
ALTER TABLE batches ADD COLUMN rewritten TEXT NOT NULL DEFAULT '[]';
