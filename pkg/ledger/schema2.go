package ledger

// schema2 makes schema version 2 of version 1: what a pass compares to find
// out that nothing changed, and the source's flags as last seen. Like schema1
// it never changes.
const schema2 = `
ALTER TABLE mailbox ADD COLUMN source_messages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN source_modseq   INTEGER NOT NULL DEFAULT 0;

-- The source's flags of mapped messages, as Baseline encodes them. What a
-- later row (by id) says of a message replaces what an earlier one says.
CREATE TABLE baseline (
	id      INTEGER PRIMARY KEY,
	mailbox INTEGER NOT NULL REFERENCES mailbox,
	data    BLOB    NOT NULL
) STRICT;
CREATE INDEX baseline_mailbox ON baseline (mailbox);
`
