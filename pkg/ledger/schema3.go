package ledger

// schema3 makes schema version 3 of version 2: repairs, accepted rejects, the
// rules with which a mailbox was finished, mail of others, and further counts of a
// row. Like schema1 it never changes.
const schema3 = `
ALTER TABLE pair ADD COLUMN filtered_date      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN filtered_size      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN filtered_search    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN filtered_duplicate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN accepted           INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN repaired           INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN gone_kept          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN deleted            INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN moved              INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN flags_updated      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN mailboxes_split    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN mailboxes_filtered INTEGER NOT NULL DEFAULT 0;
-- All that the state is about: 'login', 'folders'; '' is everything.
ALTER TABLE pair ADD COLUMN only TEXT NOT NULL DEFAULT '';

-- What the user's rules for messages were in the pass that finished it.
ALTER TABLE mailbox ADD COLUMN rules TEXT NOT NULL DEFAULT '';
-- Messages, as that pass counted them: left out by rule, and mapped but no
-- longer at the source.
ALTER TABLE mailbox ADD COLUMN filtered_date      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN filtered_size      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN filtered_duplicate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN gone_kept          INTEGER NOT NULL DEFAULT 0;
-- The first floor of this map: what has a lower destination UID was there
-- before us. 0: not known.
ALTER TABLE mailbox ADD COLUMN first_floor INTEGER NOT NULL DEFAULT 0;

-- Destination UIDs first..first+count-1 that are mapped and were put there by
-- others above the first floor.
CREATE TABLE other (
	mailbox INTEGER NOT NULL REFERENCES mailbox,
	first   INTEGER NOT NULL CHECK (first > 0),
	count   INTEGER NOT NULL CHECK (count > 0),
	PRIMARY KEY (mailbox, first, count)
) STRICT, WITHOUT ROWID;

-- A human has read the record and does not miss the message.
ALTER TABLE reject ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;

-- A change that was made to let a message or (uid 0) a mailbox through.
CREATE TABLE repair (
	mailbox INTEGER NOT NULL REFERENCES mailbox,
	uid     INTEGER NOT NULL,
	kind    TEXT    NOT NULL,
	was     BLOB    NOT NULL,
	became  BLOB    NOT NULL,
	PRIMARY KEY (mailbox, uid, kind)
) STRICT, WITHOUT ROWID;

-- Octets of messages that passed between an account and us in one hour, for
-- servers that allow so much a day. hour counts from 1970.
CREATE TABLE daily (
	account TEXT    NOT NULL,
	hour    INTEGER NOT NULL,
	octets  INTEGER NOT NULL,
	PRIMARY KEY (account, hour)
) STRICT, WITHOUT ROWID;

-- A server that the run which goes on leaves alone for a while. until is NULL
-- when no row of this run is tried there any more.
CREATE TABLE host_pause (
	host        TEXT    NOT NULL PRIMARY KEY,
	until       INTEGER,
	fault_side  TEXT    NOT NULL,
	fault_scope TEXT    NOT NULL,
	fault_code  TEXT    NOT NULL,
	fault_op    TEXT    NOT NULL,
	fault_text  TEXT    NOT NULL,
	fault_hint  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
`
