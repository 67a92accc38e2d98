package imaptest

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// account makes Contents of mailboxes.
func account(boxes ...DumpedMailbox) *Contents {
	c := &Contents{byName: make(map[string]int)}
	for i, m := range boxes {
		c.Mailboxes = append(c.Mailboxes, m)
		c.byName[m.Name] = i
	}
	return c
}

func box(name string, messages ...DumpedMessage) DumpedMailbox {
	return DumpedMailbox{Name: name, Messages: messages}
}

func TestDiff(t *testing.T) {
	day := time.Date(2020, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	one := DumpedMessage{UID: 1, Digest: "aaaaaaaaaaaaaaaa", Octets: 10, Date: day, Flags: []string{`\Seen`, "Work"}}
	two := DumpedMessage{UID: 2, Digest: "bbbbbbbbbbbbbbbb", Octets: 20, Date: day}
	unseen, later, utc, lower := one, one, one, one
	unseen.Flags = nil
	later.Date = day.Add(time.Second)
	utc.Date = day.UTC()
	lower.Flags = []string{`\seen`, "work"}
	subscribed := box("INBOX", one)
	subscribed.Subscribed = true
	tests := []struct {
		name string
		a, b *Contents
		opt  DiffOptions
		want []string // a part of each line
	}{
		{"equal", account(box("INBOX", one, two)), account(box("INBOX", two, one)), DiffOptions{}, nil},
		{"other zone", account(box("INBOX", one)), account(box("INBOX", utc)), DiffOptions{}, nil},
		{"order", account(box("INBOX", one, two)), account(box("INBOX", two, one)), DiffOptions{Order: true}, []string{"place 1"}},
		{"missing", account(box("INBOX", one, two)), account(box("INBOX", one)), DiffOptions{},
			[]string{"2 messages in the first account, 1", "missing in the second account: UID 2, 20 octets"}},
		{"one of twins", account(box("INBOX", one, one)), account(box("INBOX", one)), DiffOptions{},
			[]string{"2 messages", "missing in the second"}},
		{"a twin too many", account(box("INBOX", one)), account(box("INBOX", one, one)), DiffOptions{},
			[]string{"1 messages", "too much in the second"}},
		{"flags", account(box("INBOX", one)), account(box("INBOX", unseen)), DiffOptions{}, []string{`[\Seen Work] is in the second account UID 1`}},
		{"flags ignored", account(box("INBOX", one)), account(box("INBOX", unseen)), DiffOptions{IgnoreFlags: true}, nil},
		{"flags folded", account(box("INBOX", one)), account(box("INBOX", lower)), DiffOptions{FoldFlags: true}, nil},
		{"flags not folded", account(box("INBOX", one)), account(box("INBOX", lower)), DiffOptions{}, []string{"work"}},
		{"date", account(box("INBOX", one)), account(box("INBOX", later)), DiffOptions{}, []string{"03:04:06"}},
		{"date ignored", account(box("INBOX", one)), account(box("INBOX", later)), DiffOptions{IgnoreDates: true}, nil},
		{"mailbox missing", account(box("INBOX"), box("A", one)), account(box("INBOX")), DiffOptions{},
			[]string{`"A": only in the first account, with 1`}},
		{"mailbox too many", account(box("INBOX")), account(box("INBOX"), box("A")), DiffOptions{}, []string{`"A": only in the second`}},
		{"more allowed", account(box("INBOX")), account(box("INBOX"), box("A")), DiffOptions{MoreMailboxes: true}, nil},
		{"renamed", account(box("INBOX.A", one)), account(box("A", one)),
			DiffOptions{Name: func(n string) string { return strings.TrimPrefix(n, "INBOX.") }}, nil},
		{"merged", account(box("A", one), box("B", two)), account(box("C", one, two)),
			DiffOptions{Name: func(string) string { return "C" }}, nil},
		{"not selectable", account(DumpedMailbox{Name: "A", NoSelect: true}), account(), DiffOptions{}, nil},
		{"subscription", account(subscribed), account(box("INBOX", one)), DiffOptions{Subscriptions: true}, []string{"subscribed true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Diff(tt.a, tt.b, tt.opt)
			if len(got) != len(tt.want) {
				t.Fatalf("%d differences, want %d:\n%s", len(got), len(tt.want), strings.Join(got, "\n"))
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("got %q, want %q in it", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestDiffEnds(t *testing.T) {
	a := account(box("INBOX", slices.Repeat([]DumpedMessage{{Octets: 1}}, 100)...))
	if got := Diff(a, account(box("INBOX")), DiffOptions{}); len(got) != diffLimit+1 || !strings.Contains(got[diffLimit], "61 more") {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestNames(t *testing.T) {
	for name, wire := range map[string]string{
		"INBOX": "INBOX", "R&D": "R&-D", "Entwürfe": "Entw&APw-rfe", "~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		"😀": "&2D3eAA-", "ü&ü": "&APw-&-&APw-", "": "",
	} {
		if got := EncodeName(name); got != wire {
			t.Errorf("EncodeName(%q) = %q, want %q", name, got, wire)
		}
		if got, ok := DecodeName(wire); got != name || !ok {
			t.Errorf("DecodeName(%q) = %q, %v, want %q", wire, got, ok, name)
		}
	}
	for _, bad := range []string{"R&D", "&A-", "&!!!!-", "ü", "&2D0-", "a\x00"} {
		if got, ok := DecodeName(bad); ok || got != bad {
			t.Errorf("DecodeName(%q) = %q, %v", bad, got, ok)
		}
	}
}

func TestFillMemory(t *testing.T) {
	m := startMemory(t, MemoryOptions{LiteralPlus: true})
	if err := m.AddUser("bob", "pear"); err != nil {
		t.Fatal(err)
	}
	g := NewGenerator(3, RealSpec())
	boxes := []Mailbox{g.Mailbox("INBOX", 300), g.Mailbox("Ä/&", 50), {Name: "Empty", Subscribed: true}}
	if err := Fill(t.Context(), m.Access("ann", "apple"), boxes...); err != nil {
		t.Fatal(err)
	}
	if err := m.Fill("bob", boxes...); err != nil {
		t.Fatal(err)
	}
	a, err := Dump(t.Context(), m.Access("ann", "apple"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Dump(t.Context(), m.Access("bob*root", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := Diff(a, b, DiffOptions{Order: true, Subscriptions: true}); len(diff) > 0 || a.Messages() != 350 || a.Octets() < 350000 {
		t.Errorf("%d messages, %d octets:\n%s", a.Messages(), a.Octets(), strings.Join(diff, "\n"))
	}
	for i, got := range a.Mailbox("INBOX").Messages {
		if want := boxes[0].At(i); got.Digest != digest(want.Body) || !got.Date.Equal(want.Date) {
			t.Errorf("message %d differs from what was filled in", i)
		}
	}
	// Without LITERAL+, in a bubble's way of connecting.
	p := startMemory(t, MemoryOptions{Pipe: true})
	if err := Fill(t.Context(), p.Access("ann", "apple"), boxes...); err != nil {
		t.Fatal(err)
	}
	c, err := Dump(t.Context(), p.Access("ann", "apple"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := Diff(a, c, DiffOptions{Order: true}); len(diff) > 0 {
		t.Error(strings.Join(diff, "\n"))
	}
}

func TestDumpTimesOut(t *testing.T) {
	addr := peer(t, func(nc *net.TCPConn) { _, _ = io.Copy(io.Discard, nc) })
	var ne net.Error
	if _, err := Dump(t.Context(), Access{Addr: addr, Timeout: 20 * time.Millisecond}); !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("%v, want a timeout", err)
	}
}

func FuzzParseValues(f *testing.F) {
	f.Add(`(UID 5 FLAGS (\Seen) BODY[HEADER.FIELDS (A B)] "x" BODY[] 5:ab)`)
	f.Add(`(\HasNoChildren) "/" "a\"b"`)
	f.Fuzz(func(t *testing.T, s string) {
		vs, err := parseValues(s)
		if err == nil && strings.TrimLeft(s, " ") != "" && len(vs) == 0 {
			t.Errorf("%q was read as nothing", s)
		}
		if _, whole, err := parseFetch("* 1 FETCH " + s); err != nil && whole {
			t.Errorf("%q is whole and wrong", s)
		}
		if name, ok := DecodeName(s); ok && strings.ContainsAny(s, "\x00\r\n") {
			t.Errorf("%q was read as %q", s, name)
		}
	})
}
