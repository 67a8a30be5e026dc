-- The batches that may be forgotten after a while, by the time at which they ended.
CREATE INDEX batches_at_rest ON batches (state, ended_at) WHERE state IN ('cleaned', 'stale');
