package ledger

// schema5 makes schema version 5 of version 4: what a size is about. Like schema1
// it never changes once released.
const schema5 = `
-- What the user's rules for mailboxes were when source_messages and source_octets
-- were found. source_error is -1 where source_octets were not told.
ALTER TABLE pair ADD COLUMN source_rules TEXT NOT NULL DEFAULT '';
`
