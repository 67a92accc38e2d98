package imapconn

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

var usual = time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)

const usualText = `"03-Feb-2020 04:05:06 +0000" `

// appendOne sends one message as a command of its own.
func appendOne(t *testing.T, c *Conn, mailbox string, h Head, body string) (Appended, error) {
	t.Helper()
	a, err := c.Append(t.Context(), mailbox)
	if err != nil {
		return Appended{}, err
	}
	if err := a.Add(t.Context(), h, int64(len(body)), strings.NewReader(body)); err != nil {
		return Appended{}, err
	}
	p, err := a.Finish(t.Context())
	if err != nil {
		return Appended{}, err
	}
	if !p.Sent() {
		t.Error("Sent is false after Finish")
	}
	return p.Wait(t.Context())
}

// literal plays the server's side of one message of an APPEND: what is left
// of its line, a "+" if the literal is to wait for it, the octets.
func (s *session) literal(head, body string, sync bool) {
	s.t.Helper()
	l, _ := s.line()
	mark := "+}"
	if sync {
		mark = "}"
	}
	if want := head + "{" + strconv.Itoa(len(body)) + mark; l != want {
		s.t.Errorf("the server expected %q and got %q", want, l)
		s.nc.Close()
		return
	}
	if sync {
		s.say("+ go on")
	}
	if got := s.octets(len(body)); got != body {
		s.t.Errorf("the server got the body %q", got)
	}
}

func TestAppendModes(t *testing.T) {
	big := strings.Repeat("x", 4097)
	tests := []struct {
		caps  string
		mode  AppendMode
		small bool // a small message waits, once everything is accepted
		large bool // one over 4096 octets does
	}{
		{"", AppendSync, true, true},
		{"LITERAL-", AppendMinus, false, true},
		{"LITERAL+", AppendPlus, false, false},
		{"LITERAL+ MULTIAPPEND", AppendMulti, false, false},
		{"MULTIAPPEND", AppendMulti, true, true},
		{"LITERAL- MULTIAPPEND", AppendMulti, false, true},
	}
	for _, tt := range tests {
		t.Run("caps "+tt.caps, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login("UIDPLUS " + tt.caps)
				for i, m := range []struct {
					body string
					sync bool
				}{{"first", true}, {"second", tt.small}, {big, tt.large}} {
					s.literal("X"+strconv.Itoa(i+2)+` APPEND "a b" (\Seen) `+usualText, m.body, m.sync)
					s.line()
					s.say("X" + strconv.Itoa(i+2) + " OK [APPENDUID 7 " + strconv.Itoa(41+i) + "] done")
				}
				s.logout()
			}))
			if c.AppendMode() != tt.mode {
				t.Errorf("mode %v", c.AppendMode())
			}
			for i, body := range []string{"first", "second", big} {
				got, err := appendOne(t, c, "a b", Head{Flags: []string{`\Seen`, `\Recent`}, Date: usual, HasDate: true}, body)
				if err != nil || got.UIDValidity != 7 || !slices.Equal(got.UIDs, []uint32{uint32(41 + i)}) {
					t.Errorf("%d: %+v, %v", i, got, err)
				}
			}
		})
	}
}

// What a server may refuse in a head goes by a literal that waits, until it
// has been taken once on this session: a keyword for each mailbox anew, of which
// the server has not said that it takes any.
func TestAppendFirstUse(t *testing.T) {
	old, late := time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	steps := []struct {
		name, mailbox string
		h             Head
		head          string
		sync          bool
		answer        string
	}{
		{"the first into a mailbox", "a", Head{}, "", true, "OK"},
		{"the second", "a", Head{}, "", false, "OK"},
		{"a date", "a", Head{Date: usual, HasDate: true}, usualText, true, "OK"},
		{"a date again, and a system flag", "a", Head{Flags: []string{`\Flagged`}, Date: usual, HasDate: true}, `(\Flagged) ` + usualText, false, "OK"},
		{"an old date, refused", "a", Head{Date: old, HasDate: true}, `"01-Jan-1960 00:00:00 +0000" `, true, "NO bad date"},
		{"an old date", "a", Head{Date: old, HasDate: true}, `"01-Jan-1960 00:00:00 +0000" `, true, "OK"},
		{"an old date again", "a", Head{Date: old, HasDate: true}, `"01-Jan-1960 00:00:00 +0000" `, false, "OK"},
		{"a late date", "a", Head{Date: late, HasDate: true}, `"01-Jan-2040 00:00:00 +0000" `, true, "OK"},
		{"a keyword", "a", Head{Flags: []string{"$One"}}, "($One) ", true, "OK"},
		{"the keyword in another case", "a", Head{Flags: []string{"$ONE"}}, "($ONE) ", false, "OK"},
		{"a new one beside it", "a", Head{Flags: []string{"$One", "$Two"}}, "($One $Two) ", true, "OK"},
		{"a literal asked to wait", "a", Head{Sync: true}, "", true, "OK"},
		{"another mailbox", "b", Head{Flags: []string{"$One"}}, "($One) ", true, "OK"},
		{"a date known from the first mailbox", "b", Head{Date: usual, HasDate: true}, usualText, false, "OK"},
		{"back", "a", Head{Flags: []string{"$One"}}, "($One) ", true, "OK"},
	}
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+")
		for i, st := range steps {
			tag := "X" + strconv.Itoa(i+2)
			s.literal(tag+` APPEND "`+st.mailbox+`" `+st.head, st.name, st.sync)
			s.line()
			s.say(tag + " " + st.answer)
		}
		s.logout()
	}))
	for _, st := range steps {
		_, err := appendOne(t, c, st.mailbox, st.h, st.name)
		if (err == nil) != (st.answer == "OK") {
			t.Errorf("%s: %v", st.name, err)
		}
	}
}

// What a "+" has followed goes without waiting at once, though the server has not
// answered the command.
func TestAppendPipelinedFirstUse(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+")
		s.literal(`X2 APPEND "a" ($K) `, "one", true)
		s.line()
		s.literal(`X3 APPEND "a" ($K) `, "two", false)
		s.line()
		s.say("X2 OK")
		s.say("X3 OK")
		s.logout()
	}))
	var sent []*Appending
	for _, body := range []string{"one", "two"} {
		a, err := c.Append(t.Context(), "a")
		if err == nil {
			err = a.Add(t.Context(), Head{Flags: []string{"$K"}}, 3, strings.NewReader(body))
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := a.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, p)
	}
	for _, p := range sent {
		if _, err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// The selected mailbox's name has been accepted by its SELECT.
func TestAppendSelected(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+")
		s.answer(`SELECT "a"`)
		s.literal(`X3 APPEND "a" `, "x", false)
		s.line()
		s.say("X3 OK")
		s.answer(`EXAMINE "b"`)
		s.literal(`X5 APPEND "a" `, "x", true)
		s.line()
		s.say("X5 OK")
		s.logout()
	}))
	for i, open := range []func() error{
		func() error { _, err := c.Select(t.Context(), "a"); return err },
		func() error { _, err := c.Examine(t.Context(), "b"); return err },
	} {
		if err := open(); err != nil {
			t.Fatal(err)
		}
		if _, err := appendOne(t, c, "a", Head{}, "x"); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// In one MULTIAPPEND the "+" that follows a new keyword lets the next
// messages with it go without waiting.
func TestMultiAppend(t *testing.T) {
	h := Head{Flags: []string{"$K", `\Custom`}}
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+ MULTIAPPEND UIDPLUS")
		s.literal(`X2 APPEND "a" ($K) `, "one", true)
		s.literal(` ($K) `, "two", false)
		s.literal(` `, "three", false)
		s.line()
		s.say("X2 OK [APPENDUID 7 41:43] done")
		s.logout()
	}))
	a, err := c.Append(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range []string{"one", "two", "three"} {
		if i == 2 {
			h = Head{}
		}
		if err := a.Add(t.Context(), h, int64(len(body)), strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{`\Custom`, `\Custom`}, a.Dropped()); d != "" {
		t.Error(d)
	}
	p, err := a.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Wait(t.Context())
	if d := cmp.Diff(Appended{7, []uint32{41, 42, 43}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

// A refusal ahead of a message costs that message only.
func TestAppendRefusedAtContinuation(t *testing.T) {
	tests := []struct {
		answer string
		code   fault.Code
		scope  fault.Scope
	}{
		{"NO [OVERQUOTA] full", fault.Quota, fault.Account},
		{"NO [TOOBIG] too big", fault.TooBig, fault.Message},
		{"BAD no such flag", fault.MessageRefused, fault.Message},
	}
	for _, tt := range tests {
		t.Run(tt.answer, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login("LITERAL+")
				s.exact(`APPEND "a" {3}`)
				s.say("X2 " + tt.answer)
				s.literal(`X3 APPEND "a" `, "abc", true)
				s.line()
				s.say("X3 OK")
				s.logout()
			}).with(func(c *Config) { c.Side = fault.Dest }))
			_, err := appendOne(t, c, "a", Head{}, "xyz")
			if e := wantFault(t, err, tt.code, tt.scope, false); e.Mailbox != "a" || e.Op != "append" || e.Side != fault.Dest {
				t.Errorf("%+v", e)
			}
			if _, err := appendOne(t, c, "a", Head{}, "abc"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A NO is safe whatever the literal: the server has skipped it.
func TestAppendNoLeavesConnection(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+")
		s.answer(`SELECT "a"`)
		s.literal(`X3 APPEND "a" `, "x", false)
		s.line()
		s.say("X3 NO [LIMIT] no")
		s.answer(`SELECT "a"`)
		s.logout()
	}))
	if _, err := c.Select(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	_, err := appendOne(t, c, "a", Head{}, "x")
	wantFault(t, err, fault.MessageRefused, fault.Message, false)
	if _, err := c.Select(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

// What would not be a command costs the connection nothing as long as nothing
// has left.
func TestAppendMisuse(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+")
		s.answer(`SUBSCRIBE "a"`)
		s.logout()
	}))
	a, err := c.Append(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Finish(t.Context())
	wantFault(t, err, fault.Protocol, fault.Account, false)
	if a, err = c.Append(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, a.Add(t.Context(), Head{}, -1, nil), fault.Protocol, fault.Account, false)
	if a, err = c.Append(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	a.Cancel()
	if err := subscribeOne(t.Context(), c, "a"); err != nil { // the writer is free
		t.Error(err)
	}
}

// A keyword that has been taken once need not wait in another mailbox of which
// the server says, when it is selected, that it takes any.
func TestAppendKeywordElsewhere(t *testing.T) {
	steps := []struct {
		mailbox, flags string // PERMANENTFLAGS; "": it does not say
		keyword        string
		sync           bool
	}{
		{"a", `(\Seen \*)`, "$One", true},
		{"b", `(\Seen \*)`, "$One", false},
		{"b", `(\Seen \*)`, "$Two", true},
		{"c", `(\Seen $One)`, "$One", true},
		{"d", "", "$One", true},
		{"a", `(\Seen \*)`, "$two", false},
	}
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+")
		for i, st := range steps {
			tag, next := "X"+strconv.Itoa(2*i+2), "X"+strconv.Itoa(2*i+3)
			s.line()
			if st.flags != "" {
				s.say("* OK [PERMANENTFLAGS " + st.flags + "] x")
			}
			s.say(tag + " OK [READ-WRITE] done")
			s.literal(next+` APPEND "`+st.mailbox+`" (`+st.keyword+`) `, "text", st.sync)
			s.line()
			s.say(next + " OK done")
		}
		s.logout()
	}))
	for i, st := range steps {
		if _, err := c.Select(t.Context(), st.mailbox); err != nil {
			t.Fatalf("%d: select: %v", i, err)
		}
		if _, err := appendOne(t, c, st.mailbox, Head{Flags: []string{st.keyword}}, "text"); err != nil {
			t.Errorf("%d, %s: %v", i, st.mailbox, err)
		}
	}
}
