package imapconn

import (
	"slices"
	"strings"
	"time"
)

// Head is what goes before a message in APPEND. Flags that cannot be carried
// are left out (see Sanitize); without HasDate, or with a year that has not
// four digits, the server takes the present time.
type Head struct {
	Flags   []string
	Date    time.Time
	HasDate bool
	Sync    bool // the literal waits for "+" whatever the server offers
}

// formMailbox stands for the mailbox name itself among the forms; formKeyword
// begins those of keywords.
const (
	formMailbox = "mailbox"
	formKeyword = "keyword "
)

// dateForms name the date forms among the forms of a head.
var dateForms = [...]string{
	usualDate: "usual date", beforeDate: "date before 1970", afterDate: "date after 2037",
	usualDate | oddZone:  "usual date in an odd zone",
	beforeDate | oddZone: "date before 1970 in an odd zone",
	afterDate | oddZone:  "date after 2037 in an odd zone",
}

// render returns the head for the wire, with a blank at its end, made of our
// own parts only, and the forms in it that a server may refuse: keywords,
// dates. Nothing else may ever stand ahead of a non-synchronising literal: a
// server that answers BAD there would obey the message's text (DESIGN section
// 4, invariant 9).
func (h Head) render() (text string, needs, dropped []string) {
	var b strings.Builder
	flags, dropped := Sanitize(h.Flags)
	if len(flags) > 0 {
		b.WriteString("(" + strings.Join(flags, " ") + ") ")
	}
	for _, f := range flags {
		if f[0] != '\\' {
			needs = append(needs, formKeyword+strings.ToLower(f))
		}
	}
	if h.HasDate {
		if s, form, ok := formatDate(h.Date); ok {
			b.WriteString(`"` + s + `" `)
			needs = append(needs, dateForms[form])
		}
	}
	return b.String(), needs, dropped
}

// forms are what a server has taken in APPEND heads on this session: dates,
// which it reads before it knows of any mailbox, and for one mailbox the rest.
// A keyword that it has taken in another mailbox counts as well in one of which
// it says, when it is selected, that it takes any: the server understands the
// form, and what it may still say is NO.
type forms struct {
	dates    map[string]bool
	keywords map[string]bool // in whatever mailbox
	largest  int64           // octets of the largest message stored, in whatever mailbox
	mailbox  string
	any      bool // it takes any keyword, by its PERMANENTFLAGS
	taken    map[string]bool
}

// enter makes mailbox the one that the forms are about.
func (f *forms) enter(mailbox string) {
	if f.mailbox == mailbox && f.taken != nil {
		return
	}
	f.mailbox, f.any, f.taken = mailbox, false, make(map[string]bool)
}

// selected notes that a mailbox was opened under this name.
func (c *Conn) selected(mailbox string, s Selected) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted.enter(mailbox)
	c.accepted.taken[formMailbox] = true
	c.accepted.any = s.FlagsKnown && s.AnyKeyword
}

// accept notes forms that a "+" has followed: the server has understood the head
// and will read the message. It returns those that are new.
func (c *Conn) accept(mailbox string, needs []string) (fresh []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.accepted
	for _, f := range needs {
		if a.has(mailbox, f) {
			continue
		}
		fresh = append(fresh, f)
		switch {
		case slices.Contains(dateForms[:], f):
			a.dates = with(a.dates, f)
		case a.mailbox == mailbox && a.taken != nil: // no other one has been entered since
			a.taken[f] = true
			if strings.HasPrefix(f, formKeyword) {
				a.keywords = with(a.keywords, f)
			}
		}
	}
	return fresh
}

// withdraw takes back what an APPEND that is refused after all had brought in.
func (c *Conn) withdraw(refused *Append) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range refused.fresh {
		delete(c.accepted.dates, f)
		delete(c.accepted.keywords, f)
		if c.accepted.mailbox == refused.mailbox {
			delete(c.accepted.taken, f)
		}
	}
}

// stored notes how large messages may be, by an APPEND that the server has
// answered with OK.
func (c *Conn) stored(sent *Append) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted.largest = max(c.accepted.largest, sent.most)
}

// with adds a form to a set, which may be nil.
func with(set map[string]bool, form string) map[string]bool {
	if set == nil {
		set = make(map[string]bool)
	}
	set[form] = true
	return set
}

// has reports whether the server has taken a form for a mailbox, or may be
// trusted to.
func (a *forms) has(mailbox, form string) bool {
	return a.dates[form] || a.mailbox == mailbox && (a.taken[form] || a.any && a.keywords[form])
}

// accepts reports whether it has taken, or may be trusted to take, all of them.
func (c *Conn) accepts(mailbox string, needs []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(needs, func(f string) bool { return !c.accepted.has(mailbox, f) })
}

// hasTaken reports whether the server has stored a message so large that one of
// so many octets need not wait.
func (c *Conn) hasTaken(size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return size <= sizeReach*c.accepted.largest
}

// enterAppend makes mailbox the one that forms are kept for.
func (c *Conn) enterAppend(mailbox string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted.enter(mailbox)
}
