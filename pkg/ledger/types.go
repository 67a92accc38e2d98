package ledger

import "time"

// RowID names a row of the list in this ledger. It never changes; 0 is none.
type RowID int64

// MailboxID names a [Mailbox] in this ledger. It never changes; 0 is none.
type MailboxID int64

// Key is a row's identity: both accounts, without their passwords. Hosts are
// lower-cased by the caller, port 0 is a bare host. Two keys are the same row
// when all fields but Dest are equal.
type Key struct {
	Host1 string
	Port1 int
	User1 string
	Host2 string
	Port2 int
	User2 string
	// Dest is equal for rows that go to one destination account, however
	// their host and port are written.
	Dest string
}

// Entry is a row of the list. Line is its physical line there, from 1.
type Entry struct {
	Key
	Line int
}

// Row is where one row of the list stands. Times are zero and texts empty
// until set.
type Row struct {
	ID   RowID
	Key  Key
	Line int
	// State is one of DESIGN's row states; "" reads as pending.
	State string
	// Only is what State is about: OnlyLogin, OnlyFolders, or "": everything.
	Only string
	// Messages, as the last pass counted them.
	Listed, Copied, AlreadyThere, Filtered, Rejected, Gone, NotTried int64
	// Octets of the messages copied; of those not tried, as far as they are known:
	// see throughput.Count.
	Octets, OctetsNotTried      int64
	Mailboxes, MailboxesRefused int64
	// Messages, parts of the counts above or beside them: see throughput.Count.
	FilteredDate, FilteredSize, FilteredSearch, FilteredDuplicate int64
	Accepted, Repaired, GoneKept, Deleted, Moved, FlagsUpdated    int64
	MailboxesSplit, MailboxesFiltered                             int64
	// Messages and octets of the source account as the last pass or look saw it,
	// in the mailboxes that SourceRules picks; 0 unknown.
	SourceMessages, SourceOctets int64
	// SourceError is how far SourceOctets may be off, in octets, where it was
	// estimated from some sizes; 0: it is exact. NotTold: it is only the most
	// that a pass has moved.
	SourceError int64
	// SourceRules is the fingerprint of the row's rules for mailboxes then; "":
	// there were none. It is what Listed and the other counts are about, too.
	SourceRules           string
	Attempts              int // in the last run
	Started, Updated      time.Time
	Seconds               float64
	FaultSide, FaultScope string
	FaultCode, FaultOp    string
	FaultMailbox          string
	FaultText, FaultHint  string
	FaultTemporary        bool
	ParkedUntil           time.Time // zero unless parked
	// Of the last run: for how long it has had lanes, each
	// counted, and on what that was spent, as throughput.Spent writes it ("" not
	// known); for how long it was parked by the source, and by the destination.
	LaneTime                 time.Duration
	Spent                    string
	SourceParked, DestParked time.Duration
}

// NotTold is a [Row]'s SourceError where the source does not tell sizes, and nobody
// has read those of its messages.
const NotTold = -1

// What a [Row] may be about, instead of everything.
const (
	OnlyLogin   = "login"   // both accounts let us in
	OnlyFolders = "folders" // mailboxes and subscriptions are made, too
)

// Covers reports whether what the row's State is about has in it what only asks
// for, in the same words as Only.
func (r *Row) Covers(only string) bool {
	return r.Only == "" || r.Only == only || only == OnlyLogin
}

// Attempt is one try at a row within a run. (Row, Run, N) is its identity.
type Attempt struct {
	Row                             RowID
	Run                             string // names the process's run
	N                               int    // from 1
	Start                           time.Time
	Seconds                         float64
	State                           string
	FaultSide, FaultCode, FaultText string
	Copied                          int64 // messages
	Octets                          int64 // of those
}

// Mailbox links a source mailbox of a row to the destination mailbox that its
// messages go to. A destination mailbox may have several of them.
type Mailbox struct {
	ID  MailboxID
	Row RowID
	// Source is the name as the source's wire has it, octet by octet: the key
	// within the row.
	Source string
	// Dest is the destination mailbox's name in UTF-8; it never changes once
	// the mailbox is Mapped or Open.
	Dest string
	// UIDVALIDITY of both sides that the map stands for (RFC 9051 section
	// 2.3.1.1); 0: there is no map yet, or UIDs do not last there.
	SourceValidity, DestValidity uint32
	// Floor is a destination UID: all that may have been added and is not
	// confirmed stands at or above it. 0: never set, everything is to be
	// matched.
	Floor uint32
	// Open says that something may have been sent since Floor was set and is
	// not confirmed.
	Open bool
	// SourceUIDNext, SourceMessages and SourceModSeq are the source's UIDNEXT,
	// MESSAGES and HIGHESTMODSEQ (RFC 7162 section 3.1.2.1) as the last whole
	// pass found them; 0 unknown. Those messages are copied, rejected or left
	// out by rule, and the flags that copied ones had are in the baseline.
	SourceUIDNext, SourceMessages uint32
	SourceModSeq                  uint64
	// Rules are those for messages of the last whole pass, in any form that is
	// equal when they are: with others what is copied may be another.
	Rules string
	// FilteredDate, FilteredSize, FilteredDuplicate and GoneKept are messages
	// as that pass counted them; see throughput.Count.
	FilteredDate, FilteredSize, FilteredDuplicate, GoneKept uint32
	// FirstFloor is the first Floor of this map above 0: mapped messages with a
	// lower destination UID were not put there by us, and of the others those
	// not that AddOthers names. 0: nobody knows. SetFloors sets it.
	FirstFloor uint32
	// Rejects is how many messages of it are recorded as refused. It is read
	// only, as is Mapped: some of its messages are in the UID map.
	Rejects int64
	Mapped  bool
}

// Finished is what [Ledger.FinishMailbox] stores in a Mailbox: UIDNEXT,
// MESSAGES and HIGHESTMODSEQ of the source from before the pass looked for
// messages and flags. 0 is unknown; so is a ModSeq of more than 63 bits.
type Finished struct {
	UIDNext, Messages uint32
	ModSeq            uint64
	Rules             string // see Mailbox, as for the rest

	FilteredDate, FilteredSize, FilteredDuplicate, GoneKept uint32

	// Void says that the destination's UIDs have turned out not to last: the map
	// stands for no UIDVALIDITY of it any more.
	Void bool
}

// Floor is what [Ledger.SetFloors] stores in a Mailbox. The two UIDVALIDITYs
// are those that the floor and the map that grows above it stand for; 0 leaves
// the stored one alone.
type Floor struct {
	ID                           MailboxID
	Floor                        uint32
	Open                         bool
	SourceValidity, DestValidity uint32
}

// Run maps the source UIDs Source..Source+Count-1 to the destination UIDs
// Dest..Dest+Count-1, in order. Dest 0, with Count 1, stands for a message
// that the destination stored under a UID that nobody could find out.
type Run struct {
	Source, Dest, Count uint32
}

// Reject is a message that the destination refused. (Mailbox, UID) is its
// identity; UID is the source's.
type Reject struct {
	Mailbox   MailboxID
	UID       uint32
	MessageID string
	Octets    int64
	Date      time.Time // INTERNALDATE with its zone; zero unknown
	Code      string
	Text      string // the server's words
	Accepted  bool   // a human has accepted that it stays behind; AcceptReject sets it, PutReject leaves it
}

// Repair is a change that was made to let a message through, or, with the UID
// 0, a mailbox. (Mailbox, UID, Kind) is its identity.
type Repair struct {
	Mailbox   MailboxID
	UID       uint32
	Kind      string // such as "date"
	Was, Made string // what the source has, and what the destination got
}

// RepairRow is a Repair with the row's line in the list and the source
// mailbox's name as the wire has it.
type RepairRow struct {
	Line   int
	Source string
	Repair
}

// RejectRow is a Reject with the row's line in the list and the source
// mailbox's name as the wire has it.
type RejectRow struct {
	Line   int
	Source string
	Reject
}
