// Package mailsync is the sync engine: Engine.Sync migrates one pair of
// accounts, completely and exactly once, and may be cut at any instant. An
// Engine has no field that belongs to one account, so all workers share it.
// What it does not do: decide which row runs when, or whether a row runs again
// (package batch), or print anything.
//
// The way of a message:
//
//	source socket -> fetcher -> window (octets) -> writer -> destination socket
//	                                                 |
//	                                     tagged OK -> ledger (UID runs), meter
//
// One lane has three goroutines of interest: the source connection's reading
// goroutine, which fills the window and blocks when it is full; the fetcher,
// which keeps two UID FETCH commands in flight and opens the source connection
// again when it breaks; and the worker itself, which is the writer: it alone
// touches the destination and the plan of the mailbox. Trouble on one side
// never costs the other side its connection.
//
// What makes it exact: the floor of a mailbox is durable before octets leave
// for it, the ledger learns of a message after the tagged OK, and whatever
// stands at or above the floor and is not in the UID map is matched, as a
// multiset, before anything is sent again (settle.go, match.go). The same
// step matches mail that was there before the first pass: then the floor is 0.
//
// What makes a pass over an unchanged account cheap: both sides are listed with
// the state of each mailbox, and one that has the state of the last whole pass
// is not opened (unchanged.go). Flags follow the source by their difference to
// the baseline in the ledger (changes.go reads them, carry.go has the
// destination told), so that what users change there stays.
package mailsync
