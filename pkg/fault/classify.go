package fault

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Answer is a server's refusal and the command that it answered. Op is the
// step in lower case ("login", "select", "append" ...), Status is NO, BAD or
// BYE, Code what stood inside [] with its arguments (RFC 9051 section 7.1).
// Software is what the server calls itself, by ID (RFC 2971) or its greeting;
// Bye what it has said with BYE besides, response code included. Both may be
// empty.
type Answer struct {
	Side     Side
	Host     string
	Op       string
	Mailbox  string
	UID      uint32
	Status   string
	Code     string
	Text     string
	Software string
	Bye      string
}

// Classify reads a refusal by the table that comes with imapfleet. It always
// returns a non-nil *Error whose Text is the server's own words without
// control characters.
func Classify(a Answer) *Error { return (*Rules)(nil).Classify(a) }

// Classify reads a refusal: by the lines of r, then by those that come with
// imapfleet. A nil r has none.
func (r *Rules) Classify(a Answer) *Error {
	v := r.read(a)
	e := &Error{
		Scope: v.scope, Side: a.Side, Temporary: v.temporary, Code: v.code,
		Op: a.Op, Host: a.Host, Mailbox: a.Mailbox, UID: a.UID,
		Text: words(a), Hint: v.hint,
		Wait: max(backoffTime(a.Text), backoffTime(a.Bye), v.wait),
	}
	if e.Code == TooManySessions {
		e.MaxPerUser, e.MaxPerHost = v.caps(a)
	}
	if a.Side == Local {
		e.answer = &a // by who does not know whose it is: see Reread
	}
	return e
}

// read finds the first line that fits.
func (r *Rules) read(a Answer) verdict {
	if r != nil {
		for i := range r.lines {
			if r.lines[i].fits(a) {
				return r.lines[i].is.fitted(a)
			}
		}
	}
	said := a
	said.Text = withoutName(a.Text, a.Mailbox)
	for i := range table {
		if table[i].fits(said) {
			return table[i].is.fitted(a).ofFlags(a)
		}
	}
	return refused.fitted(a).ofFlags(a)
}

// Lost classifies the end of a connection that once stood, by the table that
// comes with imapfleet. See Rules.Lost.
func Lost(a Answer, err error) *Error { return (*Rules)(nil).Lost(a, err) }

// Lost classifies the end of a connection that once stood; err is why it
// ended. a is the last that the server said: a refusal, its BYE (Bye), both or
// neither.
//
// A refusal by which the server asks to be left alone is the reason, whoever
// waits now; else the BYE is where it says why, and else it is a plain cut,
// which is Temporary.
func (r *Rules) Lost(a Answer, err error) *Error {
	e := r.lost(a, err)
	if a.Side == Local && (a.Status != "" || a.Bye != "") {
		e.answer, e.ended = &a, true
	}
	return e
}

func (r *Rules) lost(a Answer, err error) *Error {
	if a.Status != "" {
		if said := r.Classify(a); said.Code == Throttled || said.Code == TooManySessions || backoffTime(a.Text) > 0 {
			said.Err = err
			return said
		}
		a.Status, a.Code, a.Text = "", "", ""
	}
	if a.Bye != "" {
		a.Status = "BYE"
		a.Code, a.Text = splitCode(a.Bye)
	}
	e := &Error{Side: a.Side, Host: a.Host, Op: a.Op, Mailbox: a.Mailbox, Code: ConnectionLost, Temporary: true, Err: err, Hint: hintCut}
	if isTimeout(err) || errors.Is(err, os.ErrDeadlineExceeded) {
		e.Code, e.Hint = Timeout, "the server said nothing for too long: the connection is opened again"
		if a.Op == "greeting" {
			e.Hint = hintSilent
		}
	}
	if a.Status == "" {
		return e
	}
	said := r.Classify(a)
	if said.Hint != hintCut {
		e.Code, e.Scope, e.Temporary, e.Hint = said.Code, said.Scope, said.Temporary, said.Hint
	}
	e.Wait, e.MaxPerUser, e.MaxPerHost = said.Wait, said.MaxPerUser, said.MaxPerHost
	a.Status = ""
	e.Text = words(a)
	return e
}

// Reread classifies e again where it came from somebody who did not know whose
// connection it was: at says the Side, Host, Op, Mailbox and Software. e stays
// as it is; where it holds no answer of a server the result is e with Side,
// Host and Op.
func (r *Rules) Reread(e *Error, at Answer) *Error {
	own := *e
	if said := e.answer; said != nil {
		a := at
		a.Status, a.Code, a.Text, a.Bye = said.Status, said.Code, said.Text, said.Bye
		switch {
		case !e.ended:
			own = *r.Classify(a)
		case said.Status == "":
			own = *r.Lost(a, e.Err)
		default: // it answered another command, perhaps
			a.Op, a.Mailbox = said.Op, ""
			own = *r.Lost(a, e.Err)
		}
	}
	own.Side, own.Host, own.Op = at.Side, at.Host, at.Op
	own.answer = nil
	return &own
}

// words joins the code and the text as the server said them.
func words(a Answer) string {
	s := a.Text
	if a.Code != "" {
		s = "[" + a.Code + "] " + s
	}
	if a.Status != "" {
		s = a.Status + " " + s
	}
	return Clean(s)
}

// withoutName is text without the name of a mailbox, where it stands between
// quotes or brackets or after a colon: a mailbox may be called "Quota". Where the
// text goes on after the colon it is left alone, as "Quota exceeded" is no name.
func withoutName(text, name string) string {
	if name == "" {
		return text
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, name)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		if !isName(before, after) {
			out.WriteString(name)
		}
		text = after
	}
}

// isName reports whether what stands between the two is called, not said.
func isName(before, after string) bool {
	if before == "" {
		return false
	}
	last := before[len(before)-1]
	if i := strings.IndexByte(opening, last); i >= 0 {
		return strings.HasPrefix(after, closing[i:i+1])
	}
	return strings.HasSuffix(before, ": ") && (after == "" || strings.HasPrefix(after, " (") || strings.ContainsRune(".,;", rune(after[0])))
}

const opening, closing = "\"'`<([", "\"''>)]"

// splitCode takes the response code off the text of a BYE.
func splitCode(text string) (code, rest string) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if code, rest, ok = strings.Cut(inner, "]"); ok {
			return strings.TrimSpace(code), strings.TrimSpace(rest)
		}
	}
	return "", text
}

var suggested = regexp.MustCompile(`(?i)suggested backoff time: *(\d{1,9}) *milliseconds`)

// backoffTime reads the time that Exchange asks to be left alone.
func backoffTime(text string) time.Duration {
	m := suggested.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// codeName is the response code in upper case without its arguments.
func (a Answer) codeName() string {
	name, _, _ := strings.Cut(strings.ToUpper(a.Code), " ")
	return name
}
