package fault

import "time"

// verdict is what an answer means. wait is how long to leave the server alone
// where it does not say so itself; perUser and perHost are connection caps
// that are known without being printed (0: none).
type verdict struct {
	code             Code
	scope            Scope
	temporary        bool
	wait             time.Duration
	perUser, perHost int
	hint             string
}

// The readings that the table gives out. A line that means one of them with
// another scope, hint or wait says so with at, saying and after.
var (
	wrongPassword = verdict{code: AuthRefused, hint: "check user name and password of this row; nothing is tried again until the list is mended"}
	loginDown     = verdict{code: AuthTemporary, temporary: true, hint: "the server's password check is down: the row is tried again; this is not a wrong password"}
	forbidden     = verdict{code: Forbidden, hint: "the account lacks a right at this server: ask its administrator"}
	userAction    = verdict{code: UserAction, hint: "the provider wants the user to log in with a web browser once, or an app password"}
	wantsTLS      = verdict{code: TLSMissing, hint: "the server wants TLS for this: use imaps:// or imap:// in the host column"}

	tooMany     = verdict{code: TooManySessions, temporary: true, hint: "the server limits connections: lower --parallel or --max-per-host, or raise its limit for the migration"}
	throttled   = verdict{code: Throttled, temporary: true, hint: "the server asks to go slower: the row is tried again later; lower --parallel or --max-per-host"}
	budgetSpent = verdict{code: Throttled, temporary: true, hint: "the provider's budget for the day is spent: the row is tried again later"}
	unavailable = verdict{code: Unavailable, temporary: true, hint: "the server is busy: the row is tried again later"}
	cut         = verdict{code: ConnectionLost, temporary: true, hint: hintCut}

	inUse          = verdict{code: InUse, scope: Mailbox, temporary: true, hint: "the mailbox is locked by another session: it is tried again"}
	mailboxRefused = verdict{code: MailboxRefused, scope: Mailbox, hint: "the server refuses this mailbox: check its name, length and rights there; the other mailboxes went on"}
	flagsRefused   = verdict{code: Refused, scope: Mailbox, hint: "the server refuses these flags here: the messages themselves are there; the flags are tried again on each run"}
	full           = verdict{code: Quota, hint: "the destination mailbox is full: raise its quota, then run again with --failed"}

	tooBig         = verdict{code: TooBig, scope: Message, hint: "the message is over the destination's size limit: raise the limit for the migration, then run again"}
	messageRefused = verdict{code: MessageRefused, scope: Message, hint: "the server refuses this message: see rejects.csv; it is tried again on each run"}
	unreadable     = verdict{code: SourceUnreadable, scope: Message, temporary: true, hint: "the source could not read this message just now: it is tried again"}

	refused = verdict{code: Refused, hint: "the server refuses the command; its words say why"}
)

const (
	hintCut    = "the connection broke: it is opened again"
	hintFollow = "the destination refuses to follow what users moved or deleted here: all mail is kept, and it is tried again on each run"
)

// ruleVerdicts are what a user's line may mean, each by its code.
var ruleVerdicts = []verdict{wrongPassword, loginDown, forbidden, userAction, wantsTLS, tooMany, throttled, unavailable, cut,
	inUse, mailboxRefused, full, tooBig, messageRefused, unreadable, refused}

// usual is what a user's line means by a code unless it says more.
func usual(c Code) (v verdict, ok bool) {
	for _, v := range ruleVerdicts {
		if v.code == c {
			return v, true
		}
	}
	return verdict{}, false
}

// usualCodes are the codes that a user's line may name.
func usualCodes() []string {
	var names []string
	for _, v := range ruleVerdicts {
		names = append(names, string(v.code))
	}
	return names
}

func (v verdict) at(s Scope) verdict            { v.scope = s; return v }
func (v verdict) saying(hint string) verdict    { v.hint = hint; return v }
func (v verdict) after(d time.Duration) verdict { v.wait = d; return v }
func (v verdict) meaning(c Code) verdict        { v.code = c; return v }

// fitted is the verdict on this answer: one that is about no mailbox is about
// the account, and so is the last word of a session.
func (v verdict) fitted(a Answer) verdict {
	if v.scope == Mailbox && (a.Mailbox == "" || a.Status == "BYE") {
		v.scope = Account
	}
	return v
}

// ofFlags is the verdict on a STORE, and on what follows users' moves and
// deletions: one that is refused ends no account,
// unless the server wants to be left alone or the session is over.
func (v verdict) ofFlags(a Answer) verdict {
	switch a.Op {
	case "store", "copy", "move", "expunge":
	default:
		return v
	}
	switch v.code {
	case Throttled, TooManySessions, ConnectionLost:
		return v
	}
	if a.Status == "BYE" {
		return v
	}
	if v.scope != Message {
		v.scope = Mailbox
	}
	if a.Op != "store" && v.scope == Mailbox {
		v.hint = hintFollow
	}
	return v
}
