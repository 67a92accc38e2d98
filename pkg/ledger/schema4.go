package ledger

// schema4 makes schema version 4 of version 3: where a row's time went, and
// what runs have reached and were predicted to reach. Like schema1 it never
// changes once released.
const schema4 = `
-- Lane time of the last run of the row, in nanoseconds: all of it, and by
-- activity as throughput.Activities has them, separated by blanks.
ALTER TABLE pair ADD COLUMN lane_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN spent     TEXT    NOT NULL DEFAULT '';
-- How long it was parked in that run, in nanoseconds, by whose server.
ALTER TABLE pair ADD COLUMN source_parked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN dest_parked   INTEGER NOT NULL DEFAULT 0;
`
