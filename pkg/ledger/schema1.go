package ledger

// schema1 makes an empty database one of schema version 1. Times are
// microseconds since 1970 UTC, NULL when there is none. Names and texts of
// servers are stored octet by octet. Once released, this text never changes:
// what comes later is a step of its own in migrations.
const schema1 = `
-- One row of a list: who (identity), where it goes, where it stands.
CREATE TABLE pair (
	id                INTEGER PRIMARY KEY,
	host1             TEXT    NOT NULL,
	port1             INTEGER NOT NULL,
	user1             TEXT    NOT NULL,
	host2             TEXT    NOT NULL,
	port2             INTEGER NOT NULL,
	user2             TEXT    NOT NULL,
	dest              TEXT    NOT NULL,            -- the destination account
	line              INTEGER NOT NULL,            -- in the list, from 1; 0: not in it
	state             TEXT    NOT NULL DEFAULT '', -- '' is pending
	listed            INTEGER NOT NULL DEFAULT 0,  -- messages, to not_tried
	copied            INTEGER NOT NULL DEFAULT 0,
	already_there     INTEGER NOT NULL DEFAULT 0,
	filtered          INTEGER NOT NULL DEFAULT 0,
	rejected          INTEGER NOT NULL DEFAULT 0,
	gone              INTEGER NOT NULL DEFAULT 0,
	not_tried         INTEGER NOT NULL DEFAULT 0,
	octets            INTEGER NOT NULL DEFAULT 0,
	octets_not_tried  INTEGER NOT NULL DEFAULT 0,
	mailboxes         INTEGER NOT NULL DEFAULT 0,
	mailboxes_refused INTEGER NOT NULL DEFAULT 0,
	source_messages   INTEGER NOT NULL DEFAULT 0,
	source_octets     INTEGER NOT NULL DEFAULT 0,
	attempts          INTEGER NOT NULL DEFAULT 0,
	started           INTEGER,
	updated           INTEGER,
	seconds           REAL    NOT NULL DEFAULT 0,
	fault_side        TEXT    NOT NULL DEFAULT '',
	fault_scope       TEXT    NOT NULL DEFAULT '',
	fault_code        TEXT    NOT NULL DEFAULT '',
	fault_op          TEXT    NOT NULL DEFAULT '',
	fault_mailbox     TEXT    NOT NULL DEFAULT '',
	fault_text        TEXT    NOT NULL DEFAULT '',
	fault_hint        TEXT    NOT NULL DEFAULT '',
	fault_temporary   INTEGER NOT NULL DEFAULT 0,
	parked_until      INTEGER,
	UNIQUE (host1, port1, user1, host2, port2, user2)
) STRICT;
CREATE INDEX pair_dest ON pair (dest);

-- One try at a row within a run.
CREATE TABLE attempt (
	pair       INTEGER NOT NULL REFERENCES pair,
	run        TEXT    NOT NULL,
	n          INTEGER NOT NULL,
	start      INTEGER,
	seconds    REAL    NOT NULL,
	state      TEXT    NOT NULL,
	fault_side TEXT    NOT NULL,
	fault_code TEXT    NOT NULL,
	fault_text TEXT    NOT NULL,
	copied     INTEGER NOT NULL,
	octets     INTEGER NOT NULL,
	PRIMARY KEY (pair, run, n)
) STRICT, WITHOUT ROWID;

-- A source mailbox and the destination mailbox that it goes to.
CREATE TABLE mailbox (
	id              INTEGER PRIMARY KEY,
	pair            INTEGER NOT NULL REFERENCES pair,
	source          BLOB    NOT NULL, -- the name on the source's wire
	dest            TEXT    NOT NULL,
	source_validity INTEGER NOT NULL, -- UIDVALIDITY, 0: no map
	dest_validity   INTEGER NOT NULL,
	floor           INTEGER NOT NULL, -- destination UID, 0: never set
	open            INTEGER NOT NULL,
	source_uidnext  INTEGER NOT NULL,
	UNIQUE (pair, source)
) STRICT;

-- The UID map: source..source+count-1 are dest..dest+count-1. The runs of a
-- mailbox do not overlap on the source's side.
CREATE TABLE run (
	mailbox INTEGER NOT NULL REFERENCES mailbox,
	source  INTEGER NOT NULL CHECK (source > 0),
	dest    INTEGER NOT NULL CHECK (dest >= 0), -- 0: stored, its UID is not known
	count   INTEGER NOT NULL CHECK (count > 0),
	PRIMARY KEY (mailbox, source)
) STRICT, WITHOUT ROWID;

-- A message that the destination refused.
CREATE TABLE reject (
	mailbox    INTEGER NOT NULL REFERENCES mailbox,
	uid        INTEGER NOT NULL,
	message_id BLOB    NOT NULL,
	octets     INTEGER NOT NULL,
	date       INTEGER,
	zone       INTEGER NOT NULL, -- seconds east of UTC that date was given in
	code       TEXT    NOT NULL,
	text       BLOB    NOT NULL,
	PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;

-- Counts the commits that were made only to be synchronised to disk.
CREATE TABLE mark (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	n  INTEGER NOT NULL
) STRICT;
INSERT INTO mark VALUES (1, 0);
`
