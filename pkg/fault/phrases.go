package fault

import "regexp"

// phrase is one wording seen at servers. It holds only for the listed steps
// (none: all).
type phrase struct {
	text *regexp.Regexp
	ops  []string
	v    verdict
}

// later are words that promise nothing but another day.
const later = `server unavailable|system error|try again later`

// phrases come before the response codes that are not decisive: servers use
// some for something else than the RFC says (Dovecot answers a connection limit with
// [UNAVAILABLE], Gmail with [ALERT]). The first that fits wins.
var phrases = []phrase{
	{text: wording(`suggested backoff time|request is throttled|rate limit|too many (commands|requests)|bandwidth limit`),
		v: verdict{Throttled, Account, true, hintThrottled}},
	{text: wording(`too many (simultaneous |open )?connections|maximum number of connections|too many (logins|sessions)|connection limit`),
		v: verdict{TooManySessions, Account, true, hintTooMany}},
	{text: wording(`temporary authentication failure|temporar(y|ily) .*(failure|unavailable|error)`), ops: []string{"login"},
		v: verdict{AuthTemporary, Account, true, "the server's password check is down: the row is tried again; this is not a wrong password"}},
	{text: wording(`web browser|web login required|application-specific password`),
		v: verdict{UserAction, Account, false, hintBrowser}},
	{text: wording(later), ops: []string{"fetch"},
		v: verdict{SourceUnreadable, Message, true, hintUnread}},
	{text: wording(later + `|user is authenticated but not connected`),
		v: verdict{Unavailable, Account, true, "the server is busy: the row is tried again later"}},
	{text: wording(`session expired`),
		v: verdict{ConnectionLost, Account, true, "the server ended the session: it is opened again"}},
	{text: wording(`quota|mailbox is full|mailbox full|disk full|no space left`), ops: []string{"append", "create"},
		v: verdict{Quota, Account, false, hintQuota}},
	{text: wording(`maximum size|maximum message size|message (is )?too (big|large)|exceeds.*size`), ops: []string{"append"},
		v: verdict{TooBig, Message, false, hintTooBig}},
}

func wording(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

func byText(a Answer) (verdict, bool) {
	for _, p := range phrases {
		if !p.covers(a.Op) || !p.text.MatchString(a.Text) {
			continue
		}
		if p.v.scope == Message && a.beyondMessage() {
			continue
		}
		return p.v, true
	}
	return verdict{}, false
}

// beyondMessage reports whether more than the message of a FETCH is lost
// whatever the text says: the session has ended, or a budget is spent.
func (a Answer) beyondMessage() bool {
	name := a.codeName()
	return a.Op == "fetch" && (a.Status == "BYE" || name == "OVERQUOTA" || name == "LIMIT")
}

func (p phrase) covers(op string) bool {
	for _, o := range p.ops {
		if o == op {
			return true
		}
	}
	return len(p.ops) == 0
}
