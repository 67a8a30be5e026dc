-- What a batch was taken for that ended because nothing more came: JSON, NULL where somebody said that it is a film.
ALTER TABLE batches ADD COLUMN taken_for TEXT;
