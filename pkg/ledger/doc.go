// Package ledger remembers, across runs and crashes, where each row of a list
// stands: its mailboxes, the floors below which nothing is in doubt, the maps
// from source UIDs to destination UIDs, what flags the source's messages had,
// the rejected messages, the repairs, the attempts.
//
// Its main type is [Ledger], one SQLite file in the list's state directory
// with one writing goroutine. Calls are of two kinds. A durable call returns
// when what it wrote, and everything queued before it, would survive a loss of
// power; calls made at the same time share a commit. A lazy call only queues:
// its write is committed within about a tenth of a second, earlier when
// something durable follows, and in the order of the calls. A crash may lose
// the last lazy writes, never one from the middle.
//
// The package does not speak IMAP, does not decide what is copied or settled,
// and never sees a password.
package ledger
