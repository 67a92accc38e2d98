// Package probe measures what the two servers of a pair can do, by dividing
// it: Run drains the source into nothing, fills mailboxes of its own at the
// destination with made-up messages of the source's sizes, and then pipes the
// one into the other, each with 1, 2, 4 ... lanes. What it finds is a Report.
//
// A step is bounded by time, and is about all rows: with fewer lanes than rows
// these take turns. What it moved is restated as the mix of all rows (flow.go),
// so that steps compare. How a turn begins and ends does not count.
//
// The source is only read. At the destination a mailbox is made for each lane,
// called imapfleet-probe-RANDOM-LANE; Run removes them before it returns,
// whatever happened meanwhile, and those that a killed probe has left. An
// account's mail never goes to another account, also not for a moment.
//
// It copies nothing for good, keeps no ledger, and does not know mailsync: its
// lanes do with imapconn what mailsync's do, without the care that mail needs
// which must not be lost.
package probe
