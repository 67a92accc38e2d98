package imapconn

import (
	"context"
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

// formMailbox stands for the mailbox name itself among the forms.
const formMailbox = "mailbox"

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
			needs = append(needs, "keyword "+strings.ToLower(f))
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
type forms struct {
	dates   map[string]bool
	largest int64 // octets of the largest message taken after a "+", in whatever mailbox
	mailbox string
	taken   map[string]bool
}

// enter makes mailbox the one that the forms are about.
func (f *forms) enter(mailbox string) {
	if f.mailbox == mailbox && f.taken != nil {
		return
	}
	f.mailbox, f.taken = mailbox, make(map[string]bool)
}

// selected notes that a mailbox was opened under this name.
func (c *Conn) selected(mailbox string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted.enter(mailbox)
	c.accepted.taken[formMailbox] = true
}

// accept notes the forms of an APPEND that the server answered with OK, and how
// large messages may be.
func (c *Conn) accept(sent *Append) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, mailbox := &c.accepted, sent.mailbox
	a.largest = max(a.largest, sent.largest)
	for f := range sent.taken {
		switch {
		case slices.Contains(dateForms[:], f):
			if a.dates == nil {
				a.dates = make(map[string]bool)
			}
			a.dates[f] = true
		case a.mailbox == mailbox && a.taken != nil: // no other one has been entered since
			a.taken[f] = true
		}
	}
}

// isAccepted reports whether the server has taken form for the mailbox.
func (c *Conn) isAccepted(mailbox, form string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted.dates[form] || c.accepted.mailbox == mailbox && c.accepted.taken[form]
}

// hasTaken reports whether the server has taken a message of so many octets.
func (c *Conn) hasTaken(ctx context.Context, size int64) bool {
	c.sweep(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	return size <= c.accepted.largest
}

// enterAppend makes mailbox the one that forms are kept for.
func (c *Conn) enterAppend(mailbox string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted.enter(mailbox)
}
