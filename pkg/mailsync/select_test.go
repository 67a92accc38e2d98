package mailsync_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// letter makes a message of exactly n octets.
func letter(subject, received, sent string, n int, flags ...string) imaptest.Message {
	date, err := time.Parse(time.RFC3339, received)
	if err != nil {
		panic(err)
	}
	head := "Subject: " + subject + "\r\n"
	if sent != "" {
		head += "Date: " + sent + "\r\n"
	}
	head += "\r\n"
	return imaptest.Message{Flags: flags, Date: date, Body: []byte(head + strings.Repeat("x", n-len(head)-2) + "\r\n")}
}

// letters is a mailbox in which every message differs in what rules ask for.
func letters() imaptest.Mailbox {
	return imaptest.Mailbox{Name: "INBOX", Messages: []imaptest.Message{
		letter("old", "2020-05-01T12:00:00Z", "Fri, 1 May 2020 12:00:00 +0000", 200, `\Seen`),
		letter("eve", "2023-12-31T23:59:59Z", "Mon, 1 Jan 2024 00:00:00 +0000", 300, `\Seen`),
		letter("zone in", "2023-12-31T20:00:00-05:00", "Sun, 31 Dec 2023 18:59:59 -0500", 400),            // 2024 in UTC by INTERNALDATE
		letter("zone out", "2024-01-01T01:00:00+02:00", "Mon, 01 Jan 2024 02:00:00 +0200", 500, `\Seen`),  // 2023 in UTC by INTERNALDATE
		letter("first", "2024-01-01T00:00:00Z", "", 600, "$Work"),                                         // no Date header
		letter("late", "2024-06-01T00:00:00Z", "Tue, 24, Aug 1997 05:06:02 +0200", 700, `\Seen`, "$Work"), // one that makes no sense
		letter("new", "2024-09-01T00:00:00Z", "Sat, 30 Dec 2023 00:00:00 +0000", 800),
	}}
}

// subjects returns those of all messages in INBOX at the destination.
func (r *rig) subjects() (out []string) {
	r.t.Helper()
	bodies := map[string]string{}
	for _, m := range letters().Messages {
		bodies[digest(m.Body)] = strings.TrimPrefix(strings.SplitN(string(m.Body), "\r\n", 2)[0], "Subject: ")
	}
	for _, m := range r.dump(r.dst).Mailbox("INBOX").Messages {
		out = append(out, bodies[m.Digest])
	}
	return out
}

// figures checks those that rules and users' deletions make.
func figures(t *testing.T, what string, c, want throughput.Count) {
	t.Helper()
	got := throughput.Count{Listed: c.Listed, Copied: c.Copied, AlreadyThere: c.AlreadyThere, Filtered: c.Filtered, Rejected: c.Rejected,
		FilteredDate: c.FilteredDate, FilteredSize: c.FilteredSize, FilteredSearch: c.FilteredSearch, FilteredDuplicate: c.FilteredDuplicate,
		GoneKept: c.GoneKept, Deleted: c.Deleted, Moved: c.Moved}
	want.Filtered = want.FilteredDate + want.FilteredSize + want.FilteredSearch + want.FilteredDuplicate
	if got != want {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// selectCases are cases 63 to 66 of the conformance list: each rule selects what
// it says on every server, and what it leaves out is counted.
var selectCases = []struct {
	name  string
	rules rules.Messages
	want  string // subjects
	count throughput.Count
}{
	{"64 since", rules.Messages{Since: day("2024-01-01")}, "zone in,first,late,new", throughput.Count{FilteredDate: 3}},
	{"64 before", rules.Messages{Before: day("2024-01-01")}, "old,eve,zone out", throughput.Count{FilteredDate: 4}},
	{"64 since, by Date header", rules.Messages{Since: day("2024-01-01"), ByDateHeader: true}, "eve,zone out,first,late", throughput.Count{FilteredDate: 3}},
	{"65 intersection", rules.Messages{Since: day("2023-01-01"), Before: day("2024-01-01")}, "eve,zone out", throughput.Count{FilteredDate: 5}},
	{"65 union", rules.Messages{Since: day("2024-06-01"), Before: day("2023-01-01"), Outside: true}, "old,late,new", throughput.Count{FilteredDate: 4}},
	{"63 at least", rules.Messages{MinSize: 600}, "first,late,new", throughput.Count{FilteredSize: 4}},
	{"63 one octet more", rules.Messages{MinSize: 601}, "late,new", throughput.Count{FilteredSize: 5}},
	{"63 at most", rules.Messages{MaxSize: 300}, "old,eve", throughput.Count{FilteredSize: 5}},
	{"63 one octet less", rules.Messages{MaxSize: 299}, "old", throughput.Count{FilteredSize: 6}},
	{"63 both", rules.Messages{MinSize: 300, MaxSize: 500}, "eve,zone in,zone out", throughput.Count{FilteredSize: 4}},
	{"66 UNSEEN", rules.Messages{Search: "UNSEEN"}, "zone in,first,new", throughput.Count{FilteredSearch: 4}},
	{"66 KEYWORD", rules.Messages{Search: "KEYWORD $Work SEEN"}, "late", throughput.Count{FilteredSearch: 6}},
	{"66 HEADER", rules.Messages{Search: `OR HEADER Subject "zone" SUBJECT old`}, "old,zone in,zone out", throughput.Count{FilteredSearch: 4}},
	{"66 nothing is found", rules.Messages{Search: "DELETED"}, "", throughput.Count{FilteredSearch: 7}},
	{"each counts once", rules.Messages{Since: day("2023-06-01"), MaxSize: 600, Search: "SEEN"}, "eve,zone out", throughput.Count{FilteredDate: 1, FilteredSize: 2, FilteredSearch: 2}},
}

func TestSelect(t *testing.T) {
	hosts := []host{memoryHost(t)}
	if !testing.Short() {
		hosts = append(hosts, slashHost(t))
	}
	dst := memoryHost(t)
	for _, src := range hosts {
		for _, tt := range selectCases {
			t.Run(src.name+"/"+tt.name, func(t *testing.T) {
				r := newRig(t, src, dst)
				r.fillSource(letters(), imaptest.Mailbox{Name: "empty"})
				r.rules.Messages = tt.rules
				want := tt.count
				want.Listed, want.Copied = 7, 7-want.FilteredDate-want.FilteredSize-want.FilteredSearch
				figures(t, "first pass", r.mustSync(), want)
				if got := strings.Join(r.subjects(), ","); got != tt.want {
					t.Errorf("at the destination: %s, want %s", got, tt.want)
				}
				want.AlreadyThere, want.Copied = want.Copied, 0
				figures(t, "rerun", r.mustSync(), want)
				r.rules = rules.Rules{}
				figures(t, "without the rule", r.mustSync(), throughput.Count{Listed: 7, AlreadyThere: want.AlreadyThere, Copied: 7 - want.AlreadyThere})
				r.rules.Messages = tt.rules
				figures(t, "with it again", r.mustSync(), throughput.Count{Listed: 7, AlreadyThere: 7})
				r.equal(false)
			})
		}
	}
}

// What stands at the destination is matched with what a rule leaves out too:
// the rule may be another one in the next run, and the floor has gone up.
func TestSelectBesidesEarlierMail(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fillSource(letters())
	there := letters()
	there.Messages = there.Messages[:3]
	r.fillDest(there)
	r.rules.Since = day("2024-06-01")
	figures(t, "with a rule", r.mustSync(), throughput.Count{Listed: 7, Copied: 2, AlreadyThere: 3, FilteredDate: 2})
	r.rules = rules.Rules{}
	figures(t, "without", r.mustSync(), throughput.Count{Listed: 7, Copied: 2, AlreadyThere: 5})
	r.equal(false)
}

// After a crash what was sent is found, though a rule of now leaves it out.
func TestSelectAfterCrash(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fillSource(letters())
	r.mustSync()
	r.inLedger(unmapped)
	r.rules.Since = day("2030-01-01")
	figures(t, "with a rule", r.mustSync(), throughput.Count{Listed: 7, AlreadyThere: 7})
	r.rules = rules.Rules{}
	figures(t, "without", r.mustSync(), throughput.Count{Listed: 7, AlreadyThere: 7})
	r.holds("INBOX", 7)
}

// Keys that are refused are an error with the server's words, never "nothing
// found".
func TestSearchRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keys  string
		lines []string
		scope fault.Scope
		text  string
	}{
		{"BAD", "NONSENSE", []string{"TAG BAD unknown key NONSENSE"}, fault.Account, "BAD unknown key NONSENSE"},
		{"NO", "BODY x", []string{"TAG NO [CANNOT] no search in bodies"}, fault.Mailbox, "no search in bodies"},
		{"no response", "BODY x", []string{"TAG OK done"}, fault.Mailbox, "no SEARCH response"},
		{"a response of nonsense", "BODY x", []string{"* SEARCH 0 one", "TAG OK done"}, fault.Mailbox, "a UID set"},
		{"a second command", "ALL\r\nX1 DELETE INBOX", nil, fault.Account, "cannot be sent"},
		{"a literal", "SUBJECT {5+}", nil, fault.Account, "cannot be sent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) (r imaptest.FakeReply) {
				if c.Name == "UID SEARCH" && strings.HasSuffix(c.Args, tt.keys) {
					r.Lines = tt.lines
				}
				return r
			}}, plain(5))
			dst := imaptest.NewFake(t, imaptest.FakeOptions{})
			r := fakeRig(t, src, dst)
			r.rules.Search = tt.keys
			c, err := r.sync(t.Context())
			if f := fault.Of(err); f == nil || f.Scope != tt.scope || f.Side != fault.Source || !strings.Contains(f.Text, tt.text) || f.Hint == "" {
				t.Errorf("error %v", err)
			}
			if c.Filtered != 0 || c.Copied != 0 || c.NotTried != 5 || !c.Balanced() {
				t.Errorf("count %+v", c)
			}
			obedient(t, src)
		})
	}
}

// A rule about dates costs no round trip and no mailbox that has not changed,
// and the figures stay right.
func TestSelectUnchanged(t *testing.T) {
	offered := imaptest.FakeOptions{Caps: tracking()}
	box := imaptest.FakeMailbox{Name: "INBOX", Count: 6, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Flags: `\Seen`, Body: text(i/5, 200), Date: fmt.Sprintf(`"01-Jan-%d 00:00:00 +0000"`, 2020+i)}
	}}
	src, dst := imaptest.NewFake(t, offered, box), imaptest.NewFake(t, offered)
	r := fakeRig(t, src, dst)
	r.rules.Messages = rules.Messages{Since: day("2021-01-01"), SkipDuplicates: true}
	want := throughput.Count{Listed: 6, Copied: 2, FilteredDate: 1, FilteredDuplicate: 3}
	figures(t, "first pass", r.mustSync(), want)
	var fetched []string
	for _, c := range src.Commands() {
		if c.Name == "UID FETCH" && strings.Contains(c.Args, "(UID INTERNALDATE)") {
			fetched = append(fetched, c.Args)
		}
	}
	if want := []string{"1:6 (UID INTERNALDATE)"}; !slices.Equal(fetched, want) {
		t.Errorf("fetched %q, want %q", fetched, want)
	}
	want.AlreadyThere, want.Copied = 2, 0
	for range 2 {
		n := len(src.Commands())
		figures(t, "unchanged", r.mustSync(), want)
		if opened := opening(src, n); len(opened) > 0 {
			t.Errorf("opened %q", opened)
		}
	}
	n := len(src.Commands())
	r.rules.Since = day("2022-01-01")
	figures(t, "another day", r.mustSync(), want)
	if opened := opening(src, n); len(opened) == 0 {
		t.Error("not opened although the rule is another one")
	}
	for _, c := range src.Commands()[n:] {
		if c.Name == "UID FETCH" && strings.Contains(c.Args, "(UID INTERNALDATE)") && strings.HasPrefix(c.Args, "1:6 ") {
			t.Errorf("dates of messages that are copied were read: %s", c.Args)
		}
	}
	r.rules.Search = "ALL"
	for range 2 {
		n = len(src.Commands())
		figures(t, "keys", r.mustSync(), want)
		if opened := opening(src, n); len(opened) != 2 { // once for the keys
			t.Errorf("opened %q: what keys mean may have changed", opened)
		}
	}
	obedient(t, src)
}

// What a source does not tell of a message leaves it selected.
func TestSelectUntold(t *testing.T) {
	for _, tt := range []struct {
		name  string
		msg   imaptest.FakeMessage
		rules rules.Messages
	}{
		{"no date", imaptest.FakeMessage{Date: "-"}, rules.Messages{Since: day("2030-01-01")}},
		{"a date that cannot be", imaptest.FakeMessage{Date: `"00-Jan-0000 00:00:00 +0000"`}, rules.Messages{Since: day("2030-01-01")}},
		{"no octets of any message", imaptest.FakeMessage{Size: "0"}, rules.Messages{MinSize: 1000}},
		{"a size that is none", imaptest.FakeMessage{Size: "-1"}, rules.Messages{MinSize: 1000}},
		{"NIL for a size", imaptest.FakeMessage{Size: "NIL"}, rules.Messages{MaxSize: 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.msg.Flags = `\Seen`
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "INBOX", Count: 3, Message: func(i int) imaptest.FakeMessage {
				m := tt.msg
				if m.Body = text(i, 200+i); i == 1 { // this one is told of, and left out
					m.Date, m.Size = "", ""
				}
				return m
			}})
			r := fakeRig(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}))
			r.rules.Messages = tt.rules
			if c := r.mustSync(); c.Copied != 2 || c.Filtered != 1 {
				t.Errorf("count %+v", c)
			}
		})
	}
}

// Case 49: of equal messages one arrives, and the others are counted; what
// only looks equal all arrives, and so do duplicates unless that is asked for.
func TestSkipDuplicates(t *testing.T) {
	for _, size := range []string{"", "0"} { // 0: what a server says that knows no sizes
		r := duplicates(t, size, "a", "a", "b", "A", "a", "b2", "c")
		want := throughput.Count{Listed: 7, Copied: 5, FilteredDuplicate: 2}
		figures(t, "first pass", r.mustSync(), want)
		want.AlreadyThere, want.Copied = 5, 0
		figures(t, "rerun", r.mustSync(), want)
		if size != "" {
			continue
		}
		var more []imaptest.Message
		for _, name := range []string{"c", "d", "d"} {
			more = append(more, imaptest.Message{Body: alike(name)})
		}
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: more})
		figures(t, "more of them", r.mustSync(), throughput.Count{Listed: 10, Copied: 1, AlreadyThere: 5, FilteredDuplicate: 4})
		r.holds("INBOX", 6)
		r.rules = rules.Rules{}
		figures(t, "all", r.mustSync(), throughput.Count{Listed: 10, Copied: 4, AlreadyThere: 6})
	}
}

// alike makes a message that differs from others in its body alone.
func alike(name string) []byte {
	return []byte("Message-ID: <same@example.org>\r\n\r\nthis is " + name + "\r\n")
}

// duplicates is an account of messages that are alike, between Fakes. size is
// what the source says of every message; "": the truth.
func duplicates(t *testing.T, size string, names ...string) *rig {
	t.Helper()
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "INBOX", Count: len(names), Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Size: size, Body: alike(names[i]), Date: fmt.Sprintf(`"01-Jan-%d 00:00:00 +0000"`, 2020+i)}
	}})
	r := fakeRig(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}))
	r.rules.SkipDuplicates = true
	return r
}

// What is at the destination already makes its equals duplicates, whichever of
// them it is.
func TestSkipDuplicatesOfEarlierMail(t *testing.T) {
	r := duplicates(t, "", "a", "a", "a")
	r.fillDest(imaptest.Mailbox{Name: "INBOX", Messages: []imaptest.Message{{Date: day("2021-01-01"), Body: alike("a")}}})
	figures(t, "one pass", r.mustSync(), throughput.Count{Listed: 3, AlreadyThere: 1, FilteredDuplicate: 2})
	r.holds("INBOX", 1)
}

// Of mail that vanished at the source it is said that it was kept, also where
// the mailbox is not opened.
func TestGoneKept(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: tracking()}, plain(5))
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.mustSync()
	r.inLedger(func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
		// Three more were copied once, which the source no longer has.
		if err := led.AddRuns(ctx, m.ID, []ledger.Run{{Source: 6, Dest: 6, Count: 2}, {Source: 9, Dest: 0, Count: 1}}, nil); err != nil {
			return err
		}
		return led.FinishMailbox(ctx, m.ID, ledger.Finished{})
	})
	for range 2 {
		figures(t, "kept", r.mustSync(), throughput.Count{Listed: 5, AlreadyThere: 5, GoneKept: 3})
	}
}
