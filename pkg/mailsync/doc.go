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
// A lane has three goroutines of interest: the source connection's reading
// goroutine, which fills the window and blocks when it is full; the fetcher,
// which lists mailboxes, asks ahead (fetcher.go) and opens the source connection
// again when it breaks; and the writer, which alone touches the destination's
// connection and does there, between messages, what the fetcher needs done
// (window.call). Trouble on one side never costs the other side its connection.
//
// A pass begins with one lane, which could do all of it. Further ones come while
// lanes are free and there is something to share out (round.go): whole mailboxes
// or the second half of a large one (work.go). Lanes share a mailbox through its
// gate (gate.go): who settles it does so while nobody else has a message under
// way there. Lanes go when a row waits for them, at the border of a command; one
// that loses its connections for good costs the row nothing: the first lane
// begins again what was not finished.
//
// What makes it exact: the floor of a mailbox is durable before octets leave
// for it, the ledger learns of a message after the tagged OK, and whatever
// stands at or above the floor and is not in the UID map is matched, as a
// multiset, before anything is sent again (settle.go, match.go). The same
// step matches mail that was there before the first pass: then the floor is 0.
//
// What the user's rules leave out is found by selection.go and duplicates.go,
// before anything is asked for. What users delete or move at the source between
// passes is followed, if asked, by follow.go at the end of a pass and by moves.go
// before it copies anything.
//
// What makes a pass over an unchanged account cheap: both sides are listed with
// the state of each mailbox, and one that has the state of the last whole pass
// is not opened (unchanged.go). Flags follow the source by their difference to
// the baseline in the ledger (changes.go reads them, carry.go has the
// destination told), so that what users change there stays.
package mailsync
