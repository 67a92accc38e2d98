package mapping

import (
	"cmp"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// Account is what one side lists.
type Account struct {
	Tree
	Mailboxes []imapconn.Mailbox
	Software  string // imapconn.Conn.ServerID; "": nothing is known of its limits
}

// Input is what decides where the mailboxes of one account go. Rules may be
// the zero value; Stored and Empty may be nil.
type Input struct {
	Source, Dest Account
	Rules        rules.Rules
	// Stored are the choices of earlier passes by the source's wire name.
	Stored map[string]Choice
	// Empty reports that a source mailbox holds no message, for --skip-empty;
	// one of which that is not known is not empty.
	Empty func(imapconn.Mailbox) bool
}

// Choice is where an earlier pass sent a mailbox. Settled says that something
// of it is there, or may be: then it never goes anywhere else.
type Choice struct {
	Dest    string
	Settled bool
}

// Route says what becomes of one source mailbox.
type Route struct {
	Source imapconn.Mailbox
	// LeftOut is why it is not migrated; "": it is, and what follows is set.
	LeftOut string
	Dest    string // full name at the destination, UTF-8
	Exists  bool   // the destination lists Dest, and it can hold messages
	// Why is the reason for a name that is not the source's in the
	// destination's tree; "": it is that.
	Why string
	// Changed says that no rule and no special use wants this name: it had to
	// be another than the source's.
	Changed bool
	// Asked says that the user gave Dest letter by letter: where the
	// destination refuses it, no other is tried.
	Asked bool
	// Stored says that Dest is an earlier pass's choice.
	Stored bool
	// Others is how many other source mailboxes go to Dest too, With the names
	// of the first few.
	Others int
	With   []string
}

// Map is where all mailboxes of an account go. It is for one goroutine.
type Map struct {
	// Routes has every source mailbox that can hold messages, ascending by
	// name.
	Routes []Route
	// Warnings are what the user should know of the rules themselves.
	Warnings []string

	m *mapper
}

// Build routes the mailboxes of an account. No two of them go to one name
// unless a rule of the user's (--map, --regextrans2) wants that. The error is
// a *fault.Error of scope Account: the rules name a mailbox that the source
// does not have.
func Build(in Input) (*Map, error) {
	m := newMapper(in)
	if err := m.missing(); err != nil {
		return nil, err
	}
	m.choose()
	m.keepSettled()
	m.claimMapped()
	m.claimInbox()
	m.claimRoles()
	m.placeAll()
	m.judgeSettled()
	return m.result(), nil
}

// sorted returns boxes ascending by name, each once, also where the server lists
// one twice. Two wire names may decode to one name: the wire decides.
func sorted(boxes []imapconn.Mailbox) []imapconn.Mailbox {
	out := slices.Clone(boxes)
	slices.SortStableFunc(out, func(a, b imapconn.Mailbox) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Wire, b.Wire))
	})
	return slices.CompactFunc(out, func(a, b imapconn.Mailbox) bool { return a.Wire == b.Wire })
}
