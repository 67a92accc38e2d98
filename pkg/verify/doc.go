// Package verify proves a migration: it reads both accounts of a row afresh
// and compares them, message by message, mailbox by mailbox, as multisets. Its
// main type is Verifier; Verifier.Row gives the Report of one row. It changes
// nothing, at no server: EXAMINE and BODY.PEEK only.
//
// What it believes are the servers. The ledger, where there is one, says which
// mailbox belongs to which, and explains what it finds: a message that was
// delivered and is gone since was removed by its user, one that nobody ever
// delivered is missing. What it says was put there for another row is no proof
// for this one (others.go). Without a ledger, after another program's migration,
// there is less to explain it with.
//
// The way of a mailbox (group.go): both sides are read at once into records of
// fixed size (record.go), without any body in memory. Records are paired off
// by what they have in common (compare.go): content, date and flags, then ever
// less; what differs within a pair is a Finding. What has no partner waits
// until the whole account is read, since it may stand in another mailbox
// (left.go).
package verify
