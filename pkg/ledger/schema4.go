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

-- How far source_octets may be off, in octets and with a confidence of 95 %; 0:
-- the server told it, or all sizes were read.
ALTER TABLE pair ADD COLUMN source_error INTEGER NOT NULL DEFAULT 0;

-- What one run reached, for the next plan. Of the rows' lane time: how much goes
-- by row, by message and by octet, in seconds, as fitted over the rows. knee is
-- JSON, the rates by lanes; '' where the run had one number of lanes.
CREATE TABLE pace (
	run          TEXT    NOT NULL PRIMARY KEY,
	started      INTEGER,
	seconds      REAL    NOT NULL, -- wall time
	parallel     INTEGER NOT NULL, -- lanes that it had
	lane_seconds REAL    NOT NULL, -- lane time of all rows
	rows         INTEGER NOT NULL,
	messages     INTEGER NOT NULL, -- copied
	octets       INTEGER NOT NULL, -- of those
	hosts        TEXT    NOT NULL, -- of both sides, separated by blanks
	per_row      REAL    NOT NULL,
	per_message  REAL    NOT NULL,
	per_octet    REAL    NOT NULL,
	knee         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What a plan said of a run of just these rows, in seconds of work, and what it
-- took. rows is a digest of their numbers.
CREATE TABLE prediction (
	id     INTEGER PRIMARY KEY,
	made   INTEGER,
	rows   TEXT    NOT NULL,
	origin TEXT    NOT NULL, -- where its rates came from
	lanes  INTEGER NOT NULL,
	raw    REAL    NOT NULL, -- likely, before it was corrected by earlier outcomes
	low    REAL    NOT NULL,
	likely REAL    NOT NULL,
	high   REAL    NOT NULL,
	took   REAL    NOT NULL DEFAULT 0, -- by all runs so far
	ended  INTEGER                     -- when the last row was done; NULL: not yet
) STRICT;
`
