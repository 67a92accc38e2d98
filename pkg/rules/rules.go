// Package rules holds what a user may say about which mailboxes and which
// messages are migrated, where they go, and what may be done to them: once for
// a run, and once more for a row of the list. Parse reads imapsync's options
// and our own from words, the same for flags and for the list's extra column.
// It opens no connection and knows no server.
package rules

import (
	"regexp"
	"time"
)

// Rules are the rules of one row. The zero value is the default of a run:
// everything is migrated under the name that it has, special mailboxes to the
// destination's special mailboxes. A Rules is not changed once it is built:
// rows share one.
type Rules struct {
	// Map sends source mailboxes to destination names as they are given, before
	// any other rule (--map, --f1f2). Both are full names, with the server's
	// own delimiter; INBOX in any case.
	Map []Rename
	// NoAutomap leaves special mailboxes (\Sent, RFC 6154) under their own names.
	NoAutomap bool
	// Subfolder1 and Subfolder2 are the mailbox of the source whose children
	// alone are migrated, as if they stood at the top, and the mailbox of the
	// destination below which everything goes; empty: none.
	Subfolder1, Subfolder2 string
	// Transforms rewrite names, in their order, after prefix and delimiter
	// were translated (--regextrans2).
	Transforms []Transform

	// Folders and FolderTrees name source mailboxes: with any, those alone are
	// migrated, the latter with what is below them (--folder, --folderrec).
	Folders, FolderTrees []string
	// Include, if any, and then Exclude pick source mailboxes by name.
	Include, Exclude []Pattern
	// SkipEmpty leaves out mailboxes without a message.
	SkipEmpty bool
	// Subscribed leaves out mailboxes that the source's user is not subscribed to.
	Subscribed bool
	// Subscribe subscribes to every mailbox at the destination, not only to
	// those that the source's user is subscribed to; NoSubscribe to none.
	// Subscribe wins.
	Subscribe, NoSubscribe bool
	// Views also migrates mailboxes that are views of others (\All, \Flagged,
	// \Important), which double what they show.
	Views bool
	// JustFolders makes mailboxes and subscriptions and copies no message.
	JustFolders bool
	// JustLogin logs in on both sides and does nothing else.
	JustLogin bool
	// Dry changes nothing for the row.
	Dry bool

	Messages
	Repairs
	Follow
}

// Only says what a pass with these rules is about at most, in the words of a
// ledger's row: "login", "folders", or "" for everything. nil is the zero Rules.
func (r *Rules) Only() string {
	switch {
	case r == nil:
		return ""
	case r.JustLogin:
		return "login"
	case r.JustFolders:
		return "folders"
	}
	return ""
}

// Value returns the rules; those of nil are the zero Rules.
func (r *Rules) Value() Rules {
	if r == nil {
		return Rules{}
	}
	return *r
}

// Rename is one Map entry.
type Rename struct{ From, To string }

// Transform is one --regextrans2: what imapsync writes as s/from/to/flags.
type Transform struct {
	From *regexp.Regexp
	// To is the replacement as regexp.Expand has it.
	To  string
	All bool   // every match, not the first one only
	Raw string // as the user wrote it
}

// Pattern picks mailboxes by name.
type Pattern struct {
	Regexp *regexp.Regexp
	Raw    string // as the user wrote it
}

// Messages select messages by their properties. The zero value selects all.
type Messages struct {
	// Since and Before select by INTERNALDATE, or by the Date header field with
	// ByDateHeader: not before Since, and before Before; zero: no bound. Both
	// are whole days in UTC, as SEARCH has them (RFC 9051 section 6.4.4).
	Since, Before time.Time
	ByDateHeader  bool
	// Outside turns Since and Before round: before Before or from Since on, as
	// imapsync does where --minage is more than --maxage.
	Outside bool
	// MinSize and MaxSize are octets (RFC822.SIZE): at least MinSize and at
	// most MaxSize; 0: no bound.
	MinSize, MaxSize int64
	// Search are raw SEARCH keys that the source must find a message by.
	Search string
	// SkipDuplicates copies of several equal messages in a mailbox one only.
	SkipDuplicates bool
}

// Follow says what of the source's users' deletions and moves is done at the
// destination too. The zero value follows nothing.
type Follow struct {
	Moves, Deletes bool
	// MaxDelete is the most that may be taken away from a mailbox, in percent
	// of its messages; 0: 10.
	MaxDelete float64
}
