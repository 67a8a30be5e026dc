-- The rate that the maker of the frames says (JSON, NULL where it says none), and in words what the rate of the video is taken
-- from (NULL for batches from before).
ALTER TABLE batches ADD COLUMN makers_rate TEXT;
ALTER TABLE batches ADD COLUMN rate_from TEXT;
