package fault

import (
	"regexp"
	"strings"
	"time"
)

// line is one line of the table: where it applies, what was said, and what
// that means. A field that is not set holds for every answer.
type line struct {
	on     string         // the steps, in lower case, with a blank between: "append create"
	side   Side           // Local: either
	host   string         // as path.Match has it, in lower case: "*.example.com"
	server string         // what the server's name holds, in lower case: "dovecot"
	status string         // of NO, BAD and BYE, those that count: "NO BAD"
	code   string         // response codes, in upper case: "INUSE UNAVAILABLE"
	words  *regexp.Regexp // in the text
	named  bool           // only answers that are about a mailbox
	is     verdict
}

// The wordings that more than one line looks for.
const (
	later       = `server unavailable|system error|try again later`
	slower      = `suggested backoff time|request is throttled|rate limit|\[throttled\]|too many (commands|requests)|bandwidth limit`
	connections = `too many (simultaneous |concurrent |open |active )*(imap )?(connections|logins|sessions)` +
		`|maximum number of (simultaneous |concurrent |open )*(imap )?(connections|sessions)|connection limit|session limit` +
		`|(limit|maximum) of \d+ (simultaneous |concurrent |open )*(imap )?(connections|sessions)`
	badPassword   = `\b(invalid|incorrect|wrong|bad) (user ?(name)?,? ?(and |or |/) ?|login ?(and |or |/) ?)?(passwords?|credentials)\b|password (is |was )?(invalid|incorrect|wrong)`
	ofThisAddress = `(from|for|per|of) (your |this |the |the same |one |each |a |an )?(client )?(ip\b|address|host)`
)

// table is what is known of servers' answers: the first line that fits an
// answer decides. Its parts go from what leaves no doubt to what is a guess.
// A new line goes into the part that its evidence belongs to, before the line
// that reads the answer wrongly today; TestAnswers has room for its wording.
//
// What is refused about flags, and about following users' moves and deletions,
// is about no more than the mailbox, whatever line has read it (see ofFlags);
// a BYE is never about less than the account, since the session is over, so
// lines of scope Message do not fit it.
var table = []line{
	// Part 1: codes that leave no doubt, whatever the text adds. Servers add
	// advice such as "try again later" to a wrong password.
	{code: "AUTHENTICATIONFAILED", is: wrongPassword},
	{code: "AUTHORIZATIONFAILED", is: forbidden.saying("the login worked but may not act as this user: check the admin's rights (authuser column)")},
	{code: "EXPIRED", is: forbidden.saying("the account or its password has expired: renew it at the server")},
	{code: "PRIVACYREQUIRED", is: wantsTLS},
	{code: "WEBALERT", is: userAction},
	{code: "TOOBIG", is: tooBig},
	{on: "greeting login", code: "NOPERM", is: forbidden.saying("the server refuses this account: ask its administrator")},
	{code: "NOPERM", named: true, is: mailboxRefused},
	{code: "NOPERM", is: forbidden},
	{code: "INUSE", is: inUse},
	{on: "fetch", code: "CORRUPTION", is: unreadable.saying("the source cannot read this message: ask its administrator to repair the mailbox")},
	{on: "append", code: "CORRUPTION", is: messageRefused},
	{code: "CORRUPTION", status: "NO BAD", is: unavailable.at(Mailbox).saying("the server reports a defect of its own: it is tried again")},
	{on: "greeting", code: "THROTTLED", is: throttled.at(Host)},
	{code: "THROTTLED", is: throttled},
	{code: "OVERQUOTA", words: wording(`bandwidth limit`), is: budgetSpent.after(time.Hour)},
	{on: "append create copy move", code: "OVERQUOTA", is: full},

	// Part 2: wordings of one server, which others may mean otherwise.
	{on: "append", server: "zimbra", status: "NO", words: wording(`^APPEND failed`),
		is: messageRefused.saying("Zimbra says no more than this of a mailbox that is full too: compare the user's quota with what is stored, then run again")},
	{on: "append", server: "exchange", words: wording(later),
		is: unavailable.saying("Exchange is busy, or the destination mailbox is full, which it says in the same words: it is tried again; where only this goes wrong check the user's quota")},
	{words: wording(`user is authenticated but not connected`),
		is: unavailable.saying("Exchange took the login but opens no mailbox, for a while or for good: it is tried again; if that does not help, check the right to this mailbox (for a shared one: user\\mailbox), its licence and that IMAP is on")},
	{words: wording(`\(\d+ of \d+ (from|for) `), is: tooMany}, // Cyrus: a limit with its number is kept by itself, nobody else need wait

	// Part 3: wordings that mean the same wherever they were seen. They come
	// before the codes that servers use for something else than the RFC says:
	// Dovecot answers a connection limit with [UNAVAILABLE], Gmail with [ALERT].
	// Before the login nobody is named, so that it is all about the host.
	{on: "greeting", words: wording(slower), is: throttled.at(Host)},
	{on: "greeting", words: wording(connections), is: tooMany.at(Host)},
	{words: wording(slower), is: throttled},
	{words: wording(`(` + connections + `).*` + ofThisAddress), is: tooMany.at(Host)},
	{words: wording(connections), is: tooMany},
	{on: "login", words: wording(`temporary authentication failure|temporar(y|ily) .*(failure|unavailable|error)`), is: loginDown},
	{words: wording(`web browser|web login required|application-specific password`), is: userAction},
	{on: "greeting", words: wording(later + `|temporar(y|ily)|shutting down`), is: unavailable.at(Host)},
	{on: "fetch", code: "OVERQUOTA LIMIT", words: wording(later), is: unavailable},
	{on: "fetch", words: wording(later), is: unreadable},
	{on: "login", status: "NO BAD", words: wording(badPassword), is: wrongPassword},
	{words: wording(later), is: unavailable},
	{words: wording(`session expired`), is: cut.saying("the server ended the session: it is opened again")},
	{on: "append create", words: wording(`quota|mailbox is full|mailbox full|disk full|no space left`), is: full},
	{on: "append", words: wording(`maximum size|maximum message size|message (is )?too (big|large)|exceeds.*size`), is: tooBig},

	// Part 4: the other codes. What they mean depends on what was asked.
	{on: "greeting login fetch", code: "OVERQUOTA", is: budgetSpent.after(time.Hour)},
	{side: Source, code: "OVERQUOTA", is: budgetSpent.after(time.Hour)},
	{code: "OVERQUOTA", is: full},
	{on: "greeting", code: "LIMIT", is: tooMany.at(Host)},
	{on: "login", code: "LIMIT", is: tooMany},
	{on: "append", code: "LIMIT MESSAGELIMIT", is: messageRefused},
	{on: "append copy move", code: "TRYCREATE NONEXISTENT", is: mailboxRefused},
	{on: "store", code: "LIMIT", is: flagsRefused},
	{on: "create", code: "LIMIT", is: mailboxRefused},
	{code: "LIMIT", is: throttled},
	{on: "greeting", code: "UNAVAILABLE", is: unavailable.at(Host)},
	{on: "greeting login", code: "CONTACTADMIN", is: forbidden.saying("the server refuses this account: ask its administrator")},
	{on: "login", code: "UNAVAILABLE", is: loginDown},
	{on: "login", code: "ALERT", words: wording(`credentials|password|authentication failed|login failed`), is: wrongPassword},
	{on: "login", code: "ALERT", is: forbidden.saying("the server gives its reason in its own words: read them, and ask its administrator")},
	{code: "CONTACTADMIN", status: "NO BAD", named: true, is: mailboxRefused},
	{code: "CONTACTADMIN", status: "NO BAD", is: forbidden},
	{on: "fetch", code: "UNAVAILABLE", is: unreadable},
	{code: "UNAVAILABLE", status: "NO BAD", is: unavailable.at(Mailbox)},
	{on: "fetch", code: "SERVERBUG", is: unreadable.saying("the source cannot read this message: ask its administrator to repair the mailbox")},
	{on: "append", code: "SERVERBUG", is: messageRefused},
	{code: "SERVERBUG", status: "NO BAD", is: unavailable.at(Mailbox).saying("the server reports a defect of its own: it is tried again")},

	// Part 5: nothing that is known was said. What is left is what was asked.
	{on: "greeting", is: unavailable.saying("the server does not take the connection: the row is tried again later")},
	{status: "BYE", is: cut},
	{on: "login", status: "BAD", is: refused.meaning(Protocol).saying("the server does not understand the login: check host, port and mechanism")},
	{on: "login", is: wrongPassword},
	{on: "fetch", is: unreadable.saying("the source gives no content for this message: ask its administrator")},
	{on: "append", is: messageRefused},
	{on: "store", is: flagsRefused},
	{on: "create select status subscribe", is: mailboxRefused},
	{is: refused.at(Mailbox)},
}

func wording(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// fits reports whether a line is about an answer.
func (l *line) fits(a Answer) bool {
	switch {
	case l.on != "" && !among(l.on, a.Op),
		l.side != Local && l.side != a.Side,
		l.status != "" && !among(l.status, a.Status),
		l.code != "" && !among(l.code, a.codeName()),
		l.named && a.Mailbox == "",
		l.is.scope == Message && a.Status == "BYE",
		l.host != "" && !matches(l.host, a.Host),
		l.server != "" && !strings.Contains(strings.ToLower(a.Software), l.server),
		l.words != nil && !l.words.MatchString(a.Text):
		return false
	}
	return true
}

// among reports whether a word is one of a list.
func among(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}
