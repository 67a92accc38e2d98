package throughput

import "time"

// Reject is a message that could not be migrated: where it is, what is known
// of it, and why. Octets is its RFC822.SIZE, or -1 when the server did not
// say; Date is its INTERNALDATE, zero when unknown. Accepted says that a human
// does not miss it (--accept).
type Reject struct {
	Line      int
	Mailbox   string
	UID       uint32
	MessageID string
	Octets    int64
	Date      time.Time
	Code      string
	Text      string
	Accepted  bool
}

// Repair is a change that imapfleet made to let a message or mailbox through:
// which repair, from what, to what. UID is 0 for a repair to a mailbox.
type Repair struct {
	Line    int
	Mailbox string
	UID     uint32
	Kind    string
	From    string
	To      string
}
