package imapconn

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestSelect(t *testing.T) {
	tests := []struct {
		name, command string
		lines         []string
		tagged        string
		want          Selected
	}{
		{"as usual", "SELECT", []string{
			`* FLAGS (\Answered \Seen [b] )`, "* 12 EXISTS", "* 0 RECENT", "* OK [UIDVALIDITY 1700000000] ok", "* OK [UIDNEXT 99] ok",
			`* OK [PERMANENTFLAGS (\Answered \Seen $Label1 \*)] ok`, "* OK [HIGHESTMODSEQ 5] ok"}, "OK [READ-WRITE] done",
			Selected{Exists: 12, UIDNext: 99, UIDValidity: 1700000000, PermanentFlags: []string{`\Answered`, `\Seen`, "$Label1", `\*`}, FlagsKnown: true, AnyKeyword: true, HighestModSeq: 5}},
		{"no mod-sequences", "SELECT", []string{"* 0 EXISTS", "* OK [nomodseq] none"}, "OK", Selected{AnyKeyword: true, NoModSeq: true}},
		{"a mod-sequence of 63 bits", "SELECT", []string{"* OK [HIGHESTMODSEQ 9223372036854775807] most"}, "OK", Selected{AnyKeyword: true, HighestModSeq: 1<<63 - 1}},
		{"mod-sequences that are none", "SELECT", []string{"* OK [HIGHESTMODSEQ 9223372036854775808] 64 bits"}, "OK [HIGHESTMODSEQ -1]", Selected{AnyKeyword: true}},
		{"examined", "EXAMINE", []string{"* 3 EXISTS", "* OK [PERMANENTFLAGS ()] none"}, "OK [READ-ONLY] done",
			Selected{Exists: 3, PermanentFlags: []string{}, FlagsKnown: true, ReadOnly: true}},
		{"no PERMANENTFLAGS: all can be kept", "SELECT", []string{"* 0 EXISTS"}, "OK done", Selected{AnyKeyword: true}},
		{"odd flags, case and blanks", "SELECT", []string{"* 1  exists", `* ok [permanentflags  ( \Seen  [b] )] x`, "* NO [UIDNOTSTICKY] x", "* OK [UIDVALIDITY 4294967298] over 32 bits"}, "OK [READ-WRITE]",
			Selected{Exists: 1, UIDValidity: 2, PermanentFlags: []string{`\Seen`, "[b]"}, FlagsKnown: true, UIDNotSticky: true}},
		{"read-only though SELECT", "SELECT", nil, "OK [READ-ONLY] done", Selected{AnyKeyword: true, ReadOnly: true}},
		{"news of the one before", "SELECT", []string{"* 7 EXISTS", "* OK [UIDNEXT 8] old", "* OK [CLOSED] left", "* OK [UIDVALIDITY 9] new"}, "OK", Selected{UIDValidity: 9, AnyKeyword: true}},
		{"things in between", "SELECT", []string{"* 5 EXISTS", "* 6 EXISTS", "* VANISHED (EARLIER) 1:3", "* OK", "* OK [", "* BAD ?"}, "OK", Selected{Exists: 6, AnyKeyword: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login("")
				tag := s.exact(tt.command + ` "a\"b\\c"`)
				s.say(tt.lines...)
				s.say(tag + " " + tt.tagged)
				s.logout()
			}))
			call := c.Select
			if tt.command == "EXAMINE" {
				call = c.Examine
			}
			got, err := call(t.Context(), `a"b\c`)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSelectNames(t *testing.T) {
	tests := []struct{ name, caps, wire, command string }{
		{"8-bit by literal", "LITERAL+", "\xe4", "{1+}"},
		{"8-bit by literal under LITERAL-", "LITERAL-", "\xe4", "{1+}"},
		{"8-bit quoted for want of better", "", "\xe4", "\"\xe4\""},
		{"brace", "LITERAL+", "{5+}", `"{5+}"`},
		{"bad modified UTF-7 as listed", "", "R&D", `"R&D"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login(tt.caps)
				tag := s.exact("SELECT " + tt.command)
				if strings.HasSuffix(tt.command, "+}") {
					if l, _ := s.line(); l != tt.wire {
						t.Errorf("literal %q", l)
					}
				}
				s.say(tag + " OK done")
				s.logout()
			}))
			if _, err := c.Select(t.Context(), tt.wire); err != nil {
				t.Error(err)
			}
		})
	}
}

// A name with a line break never reaches the wire, in whatever command.
func TestNamesThatBreakLines(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) { s.login("LITERAL+ MULTIAPPEND"); s.logout() }))
	for _, name := range []string{"a\r\nX1 DELETE INBOX", "a\n", "\r", "a\x00b"} {
		_, err := c.Select(t.Context(), name)
		wantFault(t, err, fault.MailboxRefused, fault.Mailbox, false)
		_, err = c.Append(t.Context(), name)
		wantFault(t, err, fault.MailboxRefused, fault.Mailbox, false)
		wantFault(t, createOne(t.Context(), c, name, ""), fault.MailboxRefused, fault.Mailbox, false)
		wantFault(t, subscribeOne(t.Context(), c, name), fault.MailboxRefused, fault.Mailbox, false)
		st, err := c.Status(t.Context(), []string{name})
		if err != nil || st[0].OK {
			t.Errorf("status: %+v, %v", st, err)
		}
	}
}

func TestSelectRefused(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		s.say(s.exact(`SELECT "Entw&APw-rfe"`) + " NO [NOPERM] no")
		s.logout()
	}))
	_, err := c.Select(t.Context(), "Entw&APw-rfe")
	if e := wantFault(t, err, fault.MailboxRefused, fault.Mailbox, false); e.Mailbox != "Entwürfe" || e.Op != "select" {
		t.Errorf("%+v", e)
	}
}

// A selected mailbox is left by UNSELECT, and never by CLOSE.
func TestUnselect(t *testing.T) {
	with := dial(t, scripted(t, func(s *session) { s.login("UNSELECT"); s.answer("UNSELECT"); s.logout() }))
	if err := with.Unselect(t.Context()); err != nil {
		t.Error(err)
	}
	without := dial(t, scripted(t, func(s *session) { s.login(""); s.logout() }))
	if err := without.Unselect(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestUIDs(t *testing.T) {
	tests := []struct {
		name, caps string
		from       uint32
		command    string
		lines      []string
		want       []uint32
		bad        bool
	}{
		{"all", "", 0, "UID SEARCH ALL", []string{"* SEARCH 3 1 2 9 "}, []uint32{1, 2, 3, 9}, false},
		{"from, with the last one below it", "", 10, "UID SEARCH UID 10:*", []string{"* SEARCH 9"}, nil, false},
		{"several lines and repeats", "", 1, "UID SEARCH ALL", []string{"* SEARCH 5 6", "* search 6  7", "* SEARCH"}, []uint32{5, 6, 7}, false},
		{"with a MODSEQ", "", 1, "UID SEARCH ALL", []string{"* SEARCH 5 (MODSEQ 917)"}, []uint32{5}, false},
		{"ESEARCH", "ESEARCH", 3, "UID SEARCH RETURN (ALL) UID 3:*", []string{`* ESEARCH (TAG "X3") UID ALL 2:4,8 MODSEQ 5`}, []uint32{3, 4, 8}, false},
		{"ESEARCH of nothing", "ESEARCH", 1, "UID SEARCH RETURN (ALL) ALL", []string{`* ESEARCH (TAG "ALL") UID`}, nil, false},
		{"ESEARCH answered by SEARCH", "ESEARCH", 1, "UID SEARCH RETURN (ALL) ALL", []string{`* SEARCH 4`}, []uint32{4}, false},
		{"a bomb", "ESEARCH", 1, "UID SEARCH RETURN (ALL) ALL", []string{`* ESEARCH UID ALL 1:4294967295`}, nil, true},
		{"rubbish", "", 1, "UID SEARCH ALL", []string{"* SEARCH 1 x"}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login(tt.caps)
				s.answer(tt.command, tt.lines...)
				s.logout()
			}))
			got, err := c.UIDs(t.Context(), tt.from)
			if tt.bad {
				wantFault(t, err, fault.Protocol, fault.Mailbox, false) // the others may do better
				return
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("STATUS=SIZE CONDSTORE")
		const items = " (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)"
		var tags []string
		for _, n := range []string{`"INBOX"`, `"Entw&APw-rfe"`, `"refused"`, `"spelled"`, `"silent"`, `"R&D"`, `"R&-D"`} {
			tags = append(tags, s.exact("STATUS "+n+items))
		}
		s.say(`* STATUS Entw&APw-rfe (UIDNEXT 8  MESSAGES 7 X (a (b c) d) UIDVALIDITY 6 HIGHESTMODSEQ 9 SIZE 4294967296 )`)
		s.say(`* STATUS inbox (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)`, tags[0]+" OK", tags[1]+" OK")
		s.say(tags[2] + " NO [NOPERM] no")
		s.say(`* STATUS {7}`, `SPELLED (MESSAGES 4 SIZE -1)`, tags[3]+" OK", tags[4]+" OK")
		s.say(`* STATUS R&D (MESSAGES 5)`, tags[5]+" OK", `* STATUS R&-D (MESSAGES 6)`, tags[6]+" OK") // both decode to R&D
		s.logout()
	}))
	got, err := c.Status(t.Context(), []string{"INBOX", "Entw&APw-rfe", "refused", "spelled", "silent", "R&D", "R&-D"})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range got {
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(s.Messages, s.UIDNext, s.UIDValidity, s.HighestModSeq, s.Size, s.OK, s.Reply.Status)))
	}
	want := []string{"1 2 3 0 -1 true OK", "7 8 6 9 4294967296 true OK", "0 0 0 0 -1 false NO", "4 0 0 0 -1 true OK", "0 0 0 0 -1 false OK",
		"5 0 0 0 -1 true OK", "6 0 0 0 -1 true OK"}
	if d := cmp.Diff(want, lines); d != "" {
		t.Error(d)
	}
}

// No more than 50 STATUS commands are in flight, and that many are.
func TestStatusWindow(t *testing.T) {
	names := make([]string, 120)
	for i := range names {
		names[i] = fmt.Sprint("m", i)
	}
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		var tags []string
		for i := range names {
			tags = append(tags, s.expect("STATUS .*"))
			if i >= maxStatus-1 { // the window is full: only an answer brings the next
				j := i - (maxStatus - 1)
				s.say(fmt.Sprintf("* STATUS m%d (MESSAGES %d)", j, j), tags[j]+" OK")
			}
		}
		for j := len(names) - maxStatus + 1; j < len(names); j++ {
			s.say(fmt.Sprintf("* STATUS m%d (MESSAGES %d)", j, j), tags[j]+" OK")
		}
		s.logout()
	}))
	got, err := c.Status(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range got {
		if !s.OK || s.Messages != uint32(i) {
			t.Fatalf("%d: %+v", i, s)
		}
	}
}

// The user's own keys may find nothing; that must have been said.
func TestStartSearch(t *testing.T) {
	for _, tt := range []struct {
		name, caps, keys, command string
		lines                     []string
		status                    string
		want                      []uint32
		code                      fault.Code
		scope                     fault.Scope
	}{
		{"found", "", `SUBJECT "a b"`, `UID SEARCH SUBJECT "a b"`, []string{"* SEARCH 9 3"}, "OK", []uint32{3, 9}, "", 0},
		{"fewer than there are", "ESEARCH", "UNSEEN", "UID SEARCH RETURN (ALL) UNSEEN", []string{`* ESEARCH (TAG "X") UID ALL 2`}, "OK", []uint32{2}, "", 0},
		{"nothing", "", "UNSEEN", "UID SEARCH UNSEEN", []string{"* SEARCH"}, "OK", nil, "", 0},
		{"nothing, ESEARCH", "ESEARCH", "UNSEEN", "UID SEARCH RETURN (ALL) UNSEEN", []string{`* ESEARCH (TAG "X") UID`}, "OK", nil, "", 0},
		{"nobody has said so", "", "UNSEEN", "UID SEARCH UNSEEN", nil, "OK", nil, fault.Protocol, fault.Mailbox},
		{"BAD", "", "FOO", "UID SEARCH FOO", nil, "BAD no such key", nil, fault.Refused, fault.Account},
		{"NO", "", "BODY x", "UID SEARCH BODY x", nil, "NO not here", nil, fault.Refused, fault.Mailbox},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login(tt.caps)
				tag := s.exact(`EXAMINE "INBOX"`)
				s.say("* 9 EXISTS", tag+" OK [READ-ONLY] done")
				tag = s.exact(tt.command)
				s.say(append(tt.lines, tag+" "+tt.status)...)
				s.logout()
			}))
			if _, err := c.Examine(t.Context(), "INBOX"); err != nil {
				t.Fatal(err)
			}
			f, err := c.StartSearch(t.Context(), tt.keys)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Wait(t.Context())
			if tt.code != "" {
				wantFault(t, err, tt.code, tt.scope, false)
				return
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// Keys cannot become another command.
func TestStartSearchRefusesLines(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) { s.login(""); s.logout() }))
	for _, keys := range []string{"", "ALL\r\nX9 DELETE INBOX", "ALL\n", "SUBJECT {3}", "SUBJECT {3+}", "SUBJECT \xc3\xa9", "ALL\x00", strings.Repeat("x", MaxLine)} {
		if _, err := c.StartSearch(t.Context(), keys); err == nil {
			t.Errorf("%.40q was sent", keys)
		}
	}
}
