package verify

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// State is the verdict about one row.
type State string

// The verdicts. The zero State is none yet.
const (
	Verified   State = "verified"   // everything is there; with findings, all of them are explained
	Incomplete State = "incomplete" // something differs and nothing explains it
	Failed     State = "failed"     // nobody can say: a login failed, a connection was lost for good
	// NotVerified: nothing was compared, as the row's own rules want it.
	NotVerified State = "not verified"
)

// Kind names what a Finding is about. It is stable: result files use it.
type Kind string

// Those that are a difference.
const (
	Missing      Kind = "missing"            // at the source, nowhere at the destination
	Rejected     Kind = "rejected"           // missing, and a server refused it in the last run
	NotCopiedYet Kind = "not copied yet"     // missing: it came after the last whole pass
	WrongMailbox Kind = "wrong mailbox"      // it stands in another mailbox, and nobody has moved it there
	Content      Kind = "content differs"    // octets that no server is known to alter by itself
	Date         Kind = "date differs"       // INTERNALDATE
	Flags        Kind = "flags differ"       // and nobody knows why
	Duplicate    Kind = "duplicate"          // once more than at the source
	Unreadable   Kind = "unreadable"         // a server does not give it out
	NoMailbox    Kind = "mailbox unreadable" // a server does not open it; it may hold anything
	NoDest       Kind = "mailbox missing"    // the destination does not have it, and no message of it says so
)

// Those that are explained.
const (
	Accepted    Kind = "accepted"               // refused, and a human has read so
	Repaired    Kind = "repaired"               // the run had to change it
	Removed     Kind = "removed since"          // delivered, gone at the destination since
	Moved       Kind = "moved since"            // delivered, and in another mailbox of the destination since
	NotOurs     Kind = "new at the destination" // it is not from the source
	Added       Kind = "copied since"           // a second copy, made after the run
	Filtered    Kind = "filtered"               // left out by the user's own rule
	Gone        Kind = "gone at the source"     // delivered, removed at the source since
	Altered     Kind = "altered by the server"  // line ends and the like, or more header fields; the content is the same
	FlagsSource Kind = "flags changed at the source"
	FlagsDest   Kind = "flags changed at the destination"
)

// Finding is one thing that is not equal on both sides.
type Finding struct {
	Kind Kind
	// Explained findings are exceptions, the others are differences.
	Explained bool
	// Mailbox is the source's; of a message that only the destination has (UID
	// 0) a source mailbox that goes there. DestMailbox is where the message is
	// at the destination, Belongs where it belongs: two names with WrongMailbox
	// and Moved only. All are in UTF-8.
	Mailbox, DestMailbox, Belongs string
	UID, DestUID                  uint32    // 0: there is none, or nobody knows
	MessageID                     string    // where it was worth another look at the message
	Subject                       string    // only with Options.Subjects
	Octets                        int64     // -1: not known
	Date                          time.Time // INTERNALDATE in UTC; zero: not known
	Text                          string    // what is different, or why it is

	box *sourceBox // of the message at the source; nil: there is none
}

// Report is what Verifier.Row found out about one row.
type Report struct {
	State State
	// Mailboxes and Messages of the source were compared; DestMessages is what
	// the destination has in the mailboxes they belong to.
	Mailboxes, Messages, DestMessages int64
	// Octets is the sum over the source's messages: RFC822.SIZE, or what came
	// where bodies were read.
	Octets int64
	// Same is how many of the source's messages stand at the destination, in
	// their mailbox and with the same content.
	Same int64
	// Missing is how many of the source's messages are not there, and nothing
	// explains it: a part of Differences.
	Missing int64
	// Differences and Exceptions are the numbers of Findings of either kind.
	Differences, Exceptions int64
	Findings                []Finding
	Notes                   []string     // sentences about the row as a whole
	Fault                   *fault.Error // with Failed: why
	Read                    int64        // octets that came over the network
	Elapsed                 time.Duration
}

// add takes findings into the report.
func (r *Report) add(all ...Finding) {
	for _, f := range all {
		if f.Explained {
			r.Exceptions++
		} else {
			r.Differences++
		}
		switch f.Kind {
		case Missing, Rejected, NotCopiedYet, WrongMailbox:
			r.Missing++
		}
	}
	r.Findings = append(r.Findings, all...)
}
