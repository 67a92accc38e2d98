package mailsync_test

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// checkOf checks one pair of servers.
func checkOf(t *testing.T, src, dst *imaptest.Fake, r *rules.Rules) mailsync.CheckReport {
	t.Helper()
	pair := pairOf(t, src.Access(), dst.Access())
	pair.Rules = r
	e := mailsync.New(mailsync.Options{Logger: discard(), Patience: 2 * time.Second, Timeout: 10 * time.Second, FinalTimeout: 10 * time.Second})
	rep := e.Check(t.Context(), pair)
	for _, f := range []*imaptest.Fake{src, dst} {
		obedient(t, f)
		for _, c := range f.Commands() {
			if slices.Contains([]string{"CREATE", "SUBSCRIBE", "APPEND", "UID STORE", "CLOSE", "EXPUNGE"}, c.Name) {
				t.Errorf("a check sent %s %s", c.Name, c.Args)
			}
		}
	}
	return rep
}

// holding is a mailbox of n messages of so many octets each.
func holding(name string, n, octets int) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: name, Count: n, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: text(i, octets)}
	}}
}

func withCaps(more ...string) []string { return append(imaptest.FakeCaps(), more...) }

// found joins the findings with a code, with their levels.
func found(rep mailsync.CheckReport, code string) string {
	var out []string
	for _, f := range rep.Findings {
		if f.Code == code {
			out = append(out, fmt.Sprint(f.Level, " ", f.Text))
		}
	}
	return strings.Join(out, "\n")
}

func TestCheckQuota(t *testing.T) {
	const kib = 1024
	tests := []struct {
		name   string
		quota  []string
		source []imaptest.FakeMailbox
		dest   []imaptest.FakeMailbox
		rules  *rules.Rules
		needed int64
		want   string
	}{
		{"fits", []string{`"" (STORAGE 0 100)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, nil, 10 * kib, ""},
		{"does not fit", []string{`"" (STORAGE 5 10)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, nil, 10 * kib,
			"2 quota: needs about 10.0 KiB, 5.0 KiB free of 10.0 KiB: does not fit"},
		{"does not fit, but there are rules", []string{`"" (STORAGE 5 10)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil,
			&rules.Rules{Messages: rules.Messages{Since: time.Now()}}, 10 * kib,
			"1 quota: needs about 10.0 KiB, 5.0 KiB free of 10.0 KiB: does not fit, unless the rules of this row leave out enough"},
		{"fits within 10 %", []string{`"" (STORAGE 0 11)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, nil, 10 * kib,
			"1 quota: needs about 10.0 KiB, 11.0 KiB free of 11.0 KiB: fits, with less than 10 % to spare"},
		{"full, and nothing is missing", []string{`"" (STORAGE 10 10)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)},
			[]imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, 0, ""},
		{"the difference", []string{`"" (STORAGE 7 12)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)},
			[]imaptest.FakeMailbox{holding("INBOX", 7, kib)}, nil, 3 * kib, ""},
		{"what is elsewhere there counts for nothing", []string{`"" (STORAGE 7 12)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)},
			[]imaptest.FakeMailbox{holding("Other", 7, kib)}, nil, 10 * kib, "2 quota: needs about 10.0 KiB, 5.0 KiB free of 12.0 KiB: does not fit"},
		{"the root with the least free", []string{`a (STORAGE 0 1000)`, `b (STORAGE 1 4)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, nil, 10 * kib,
			"2 quota: needs about 10.0 KiB, 3.0 KiB free of 4.0 KiB: does not fit"},
		{"messages", []string{`"" (MESSAGE 95 100 STORAGE 0 1000)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, nil, 10 * kib,
			"2 quota: needs 10 messages, 5 free: does not fit"},
		{"mailboxes only", []string{`"" (STORAGE 5 10 MESSAGE 1 2)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, &rules.Rules{JustFolders: true}, 0, ""},
		{"messages, most are there", []string{`"" (MESSAGE 95 100)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)},
			[]imaptest.FakeMailbox{holding("INBOX", 6, kib)}, nil, 4 * kib, ""},
		{"no limit", []string{`"" ()`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, nil, 10 * kib, ""},
		{"over its quota", []string{`"" (STORAGE 12 10)`}, []imaptest.FakeMailbox{holding("INBOX", 10, kib)}, nil, nil, 10 * kib,
			"2 quota: needs about 10.0 KiB, 0 B free of 10.0 KiB: does not fit"},
	}
	for _, tt := range tests {
		for _, size := range []string{"STATUS=SIZE", "XNOTHING"} { // told, and read message by message
			t.Run(tt.name+" "+size, func(t *testing.T) {
				src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps(size)}, tt.source...)
				dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps(size, "QUOTA"), Quota: tt.quota}, tt.dest...)
				rep := checkOf(t, src, dst, tt.rules)
				if got := found(rep, mailsync.FindQuota); got != tt.want || rep.Needed != (mailsync.Estimate{Octets: tt.needed, Sampled: rep.Needed.Sampled, Of: rep.Needed.Of}) {
					t.Errorf("needed %+v, found %q, want %d and %q", rep.Needed, got, tt.needed, tt.want)
				}
			})
		}
	}
	t.Run("not told", func(t *testing.T) {
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, holding("INBOX", 1, 100))
		rep := checkOf(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}), nil)
		if got := found(rep, mailsync.FindQuota); got != "0 the destination does not tell its quota: whether the mail fits is not known" || rep.Quota.Known {
			t.Errorf("%q %+v", got, rep.Quota)
		}
	})
}

// Where the source tells no sizes of mailboxes they are read, of a sample when
// there are many, and the sum lies within the error that is stated.
func TestCheckSample(t *testing.T) {
	const n = 12_000
	size := func(i int) int { return 100 + i*7919%1000 }
	var truth int64
	for i := range n {
		truth += int64(size(i))
	}
	box := imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: text(i, size(i))}
	}}
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box, holding("Small", 3, 5000), holding("Empty", 0, 0))
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps("QUOTA"), Quota: []string{`"" (STORAGE 0 100)`}})
	rep := checkOf(t, src, dst, nil)
	truth += 15000
	e := rep.Source.Octets
	if e.Sampled < 4900 || e.Sampled > 5100 || e.Of != n+3 || e.Error <= 0 || e.Error > truth/50 || e.Octets < truth-e.Error || e.Octets > truth+e.Error {
		t.Errorf("%+v, in truth %d", e, truth)
	}
	if got := found(rep, mailsync.FindQuota); !strings.HasPrefix(got, "2 quota: needs about 6.9 MiB (give or take ") || !strings.HasSuffix(got, "of 12,003), 100.0 KiB free of 100.0 KiB: does not fit") {
		t.Errorf("found %q", got)
	}
}

func TestCheckAppendLimit(t *testing.T) {
	source := []imaptest.FakeMailbox{holding("INBOX", 3, 500), holding("Large", 2, 2000), holding("Larger", 1, 3000)}
	tests := []struct {
		name   string
		caps   []string
		dest   []imaptest.FakeMailbox
		rules  *rules.Rules
		source string // a capability
		want   mailsync.LargeReport
		found  string
	}{
		{"none", nil, nil, nil, "", mailsync.LargeReport{}, ""},
		{"of the server", []string{"APPENDLIMIT=1999"}, nil, nil, "", mailsync.LargeReport{Limit: 1999, Messages: 3, Largest: 3000},
			"1 3 messages are over the destination's limit of 2.0 KiB (the largest has 2.9 KiB) and will be rejected"},
		{"exactly at it", []string{"APPENDLIMIT=2000"}, nil, nil, "STATUS=SIZE", mailsync.LargeReport{Limit: 2000, Messages: 1, Largest: 3000},
			"1 1 message is over the destination's limit of 2.0 KiB (the largest has 2.9 KiB) and will be rejected"},
		{"above all", []string{"APPENDLIMIT=4000"}, nil, nil, "STATUS=SIZE", mailsync.LargeReport{Limit: 4000}, ""},
		{"of mailboxes", []string{"APPENDLIMIT"}, []imaptest.FakeMailbox{{Name: "INBOX", AppendLimit: "2500"}, {Name: "Large", AppendLimit: "1000"}}, nil, "",
			mailsync.LargeReport{Limit: 1000, Messages: 3, Largest: 3000},
			"1 3 messages are over the destination's limit of 1000 B (the largest has 2.9 KiB) and will be rejected"},
		{"mailboxes only", []string{"APPENDLIMIT=1999"}, nil, &rules.Rules{JustFolders: true}, "", mailsync.LargeReport{Limit: 1999}, ""},
		{"a rule leaves them out", []string{"APPENDLIMIT=1999"}, nil, &rules.Rules{Messages: rules.Messages{MaxSize: 1000}}, "", mailsync.LargeReport{Limit: 1999}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps(tt.source)}, source...)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps(tt.caps...)}, tt.dest...)
			rep := checkOf(t, src, dst, tt.rules)
			if got := found(rep, mailsync.FindTooBig); rep.Large != tt.want || got != tt.found {
				t.Errorf("%+v %q, want %+v %q", rep.Large, got, tt.want, tt.found)
			}
			if tt.name == "above all" && slices.ContainsFunc(src.Commands(), func(c imaptest.FakeCommand) bool { return c.Name == "EXAMINE" }) {
				t.Error("a mailbox was opened that is smaller than the limit")
			}
		})
	}
}

// Only SELECT tells which flags are kept, and it takes \Recent away: so only
// an empty mailbox is opened by it.
func TestCheckFlags(t *testing.T) {
	tests := []struct {
		name     string
		dest     []imaptest.FakeMailbox
		selected string
		want     string
	}{
		{"all", nil, "INBOX", ""},
		{"no keywords", []imaptest.FakeMailbox{{Name: "INBOX", PermanentFlags: `(\Answered \Flagged \Deleted \Seen \Draft)`}}, "INBOX",
			"1 the destination takes no new keywords ($Forwarded, the tags of mail programs): they are left out"},
		{"not even flags", []imaptest.FakeMailbox{{Name: "INBOX", PermanentFlags: `(\seen \*)`}}, "INBOX",
			`1 the destination does not keep \Answered, \Flagged, \Deleted, \Draft`},
		{"of the system flags no word", []imaptest.FakeMailbox{{Name: "INBOX", PermanentFlags: `(\*)`}}, "INBOX", ""},
		{"not told", []imaptest.FakeMailbox{{Name: "INBOX", PermanentFlags: "-"}}, "INBOX", ""},
		{"INBOX holds mail", []imaptest.FakeMailbox{holding("INBOX", 1, 100), {Name: "Top", NoSelect: true}, {Name: "Free", PermanentFlags: `(\Answered \Flagged \Deleted \Seen \Draft)`}}, "Free",
			"1 the destination takes no new keywords ($Forwarded, the tags of mail programs): they are left out"},
		{"all hold mail", []imaptest.FakeMailbox{holding("INBOX", 1, 100)}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}), imaptest.NewFake(t, imaptest.FakeOptions{}, tt.dest...)
			rep := checkOf(t, src, dst, nil)
			var selected []string
			for _, c := range append(dst.Commands(), src.Commands()...) {
				if c.Name == "SELECT" {
					selected = append(selected, strings.Trim(c.Args, `"`))
				}
			}
			if got := found(rep, mailsync.FindFlags); got != tt.want || strings.Join(selected, " ") != tt.selected {
				t.Errorf("found %q, selected %q", got, selected)
			}
		})
	}
}

func TestCheckNotes(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps("ESEARCH")}, imaptest.FakeMailbox{Name: "Gesendet", Attributes: `\Sent`})
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps("MULTIAPPEND", "LITERAL+", "UIDPLUS")}, imaptest.FakeMailbox{Name: "Sent"})
	rep := checkOf(t, src, dst, nil)
	for code, want := range map[string]string{
		mailsync.FindMapping:    `0 Gesendet goes to Sent: special use \Sent`,
		mailsync.FindAppend:     "0 destination has neither MULTIAPPEND nor LITERAL+: a round trip a message, so more lanes help",
		mailsync.FindUIDPlus:    "0 destination has no UIDPLUS: its UIDs are looked up after the fact",
		mailsync.FindCondstore:  "0 source has no CONDSTORE: each further pass opens every mailbox and reads the flags of every message",
		mailsync.FindSpecialUse: "0 destination does not mark its special mailboxes (SPECIAL-USE): Sent, Drafts, Trash, Junk and Archive are found by name",
	} {
		if got := found(rep, code); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	src = imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps("CONDSTORE")})
	dst = imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps("SPECIAL-USE", "QUOTA")})
	if rep = checkOf(t, src, dst, nil); len(rep.Findings) > 0 {
		t.Errorf("of the best of servers: %+v", rep.Findings)
	}
}

// A name that has to change is a warning; one that a rule or a special use
// gives is worth knowing, and what a rule leaves out is not weighed. A rule
// that names what is not there is the row's fault.
func TestCheckNames(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps("STATUS=SIZE")}, holding("INBOX", 1, 1000), holding("a.b", 1, 1000), holding("Old", 2, 5000))
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Delimiter: "."})
	exclude := &rules.Rules{Exclude: []rules.Pattern{{Regexp: regexp.MustCompile("^Old$"), Raw: "Old"}}}
	rep := checkOf(t, src, dst, exclude)
	got := found(rep, mailsync.FindMapping)
	if !strings.Contains(got, "1 a.b goes to a_b: ") || !strings.Contains(got, "0 Old is left out: ") || rep.Needed.Octets != 2000 {
		t.Errorf("found %q, needed %+v", got, rep.Needed)
	}
	if rep = checkOf(t, src, dst, &rules.Rules{Folders: []string{"None"}}); rep.Source.Fault == nil || !strings.Contains(rep.Source.Fault.Error(), "None") {
		t.Errorf("%+v", rep)
	}
}

// A mailbox that cannot be opened is named, and costs the others nothing.
func TestCheckUnreadable(t *testing.T) {
	refuse := func(name string) func(imaptest.FakeCommand) imaptest.FakeReply {
		return func(c imaptest.FakeCommand) imaptest.FakeReply {
			if c.Name == name && strings.HasPrefix(c.Args, `"Bad"`) {
				return imaptest.FakeReply{Lines: []string{"TAG NO [SERVERBUG] no\x1b way"}}
			}
			return imaptest.FakeReply{}
		}
	}
	for _, command := range []string{"STATUS", "EXAMINE"} {
		t.Run(command, func(t *testing.T) {
			src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: refuse(command)}, holding("A", 2, 500), holding("Bad", 2, 600), holding("C", 2, 500))
			dst := imaptest.NewFake(t, imaptest.FakeOptions{})
			rep := checkOf(t, src, dst, nil)
			if got := found(rep, mailsync.FindUnreadable); !strings.HasPrefix(got, "1 source mailbox Bad cannot be opened: NO ") || strings.ContainsRune(got, 0x1b) {
				t.Errorf("found %q", got)
			}
			if rep.Source.Octets.Octets < 2000 || rep.Source.Octets.Octets > 3000 || rep.Source.Fault != nil {
				t.Errorf("%+v", rep.Source)
			}
		})
	}
}

// What cannot be looked up is that side's fault, not a missing report.
func TestCheckFaults(t *testing.T) {
	refused := imaptest.NewFake(t, imaptest.FakeOptions{Login: func(_, _, _ string) string { return "NO [AUTHENTICATIONFAILED] no" }})
	fine := imaptest.NewFake(t, imaptest.FakeOptions{}, holding("INBOX", 2, 100))
	rep := checkOf(t, refused, refused, nil)
	for _, s := range []mailsync.SideReport{rep.Source, rep.Dest} {
		if s.Fault == nil || s.Fault.Code != fault.AuthRefused {
			t.Errorf("%+v", s)
		}
	}
	if rep = checkOf(t, fine, refused, nil); rep.Source.Fault != nil || rep.Dest.Fault == nil || rep.Source.Messages != 2 || len(rep.Findings) > 0 {
		t.Errorf("%+v", rep)
	}
}

// A connection that breaks while sizes are read is opened again, and nothing
// counts twice.
func TestCheckReconnects(t *testing.T) {
	cut := false
	src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == "UID FETCH" && c.Conn == 0 && !cut {
			cut = true
			return imaptest.FakeReply{Lines: []string{"* 1 FETCH (UID 1 RFC822.SIZE 100)"}, Close: true}
		}
		return imaptest.FakeReply{}
	}}, holding("A", 3, 100), holding("B", 2, 1000))
	rep := checkOf(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}), nil)
	if rep.Source.Fault != nil || rep.Source.Octets.Octets != 2300 || !cut {
		t.Errorf("%+v", rep.Source)
	}
}

func TestCheckDovecotQuota(t *testing.T) {
	src := imaptest.NewDovecotSlash(t)
	dst := imaptest.NewDovecot(t, imaptest.DovecotOptions{Quota: "100k"})
	for _, d := range []*imaptest.Dovecot{src, dst} {
		if err := d.AddUser("u", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := imaptest.Fill(t.Context(), src.Access("u", "x"), imaptest.Mailbox{Name: "INBOX", Messages: mail("q", 60, 9000)}); err != nil {
		t.Fatal(err)
	}
	e := mailsync.New(mailsync.Options{Logger: discard()})
	rep := e.Check(t.Context(), pairOf(t, src.Access("u", "x"), dst.Access("u", "x")))
	if rep.Source.Fault != nil || rep.Dest.Fault != nil || rep.Quota.Limit != 100<<10 || rep.Needed.Octets < 110<<10 || rep.Needed.Error != 0 {
		t.Fatalf("%+v", rep)
	}
	if got := found(rep, mailsync.FindQuota); !strings.HasPrefix(got, "2 quota: needs about ") {
		t.Errorf("found %q", got)
	}
	if got := found(rep, mailsync.FindFlags); got != "" {
		t.Errorf("found %q", got)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// What check adds up of a real account is what is there, told by the server or
// read message by message; and it changes nothing.
func TestCheckRealServers(t *testing.T) {
	hosts := []func(*testing.T) host{memoryHost, slashHost, dotHost, cyrusHost, courierHost}
	for _, start := range hosts {
		src := start(t)
		t.Run(src.name, func(t *testing.T) {
			r := newRig(t, src, memoryHost(t))
			r.dst = src // both sides are one account
			r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("i", 12, 3000)}, imaptest.Mailbox{Name: "Work", Messages: mail("w", 5, 9000)},
				imaptest.Mailbox{Name: "Empty"})
			before := r.dump(src)
			var octets, messages int64
			for _, m := range before.Mailboxes {
				for _, msg := range m.Messages {
					octets += msg.Size
					messages++
				}
			}
			rep := mailsync.New(mailsync.Options{Logger: discard()}).Check(t.Context(), r.pair())
			if rep.Source.Fault != nil || rep.Dest.Fault != nil {
				t.Fatalf("%+v", rep)
			}
			if rep.Source.Octets.Octets != octets || rep.Source.Octets.Error != 0 || rep.Source.Messages != messages {
				t.Errorf("%d messages, %+v octets, in truth %d and %d", rep.Source.Messages, rep.Source.Octets, messages, octets)
			}
			if rep.Needed.Octets != 0 {
				t.Errorf("needed %+v", rep.Needed)
			}
			for _, f := range rep.Findings {
				if f.Level != mailsync.Note {
					t.Errorf("%+v", f)
				}
			}
			t.Logf("sampled %d, quota %+v\n%+v", rep.Source.Octets.Sampled, rep.Quota, rep.Findings)
			if diff := imaptest.Diff(before, r.dump(src), imaptest.DiffOptions{}); len(diff) > 0 {
				t.Errorf("the check changed something: %q", diff)
			}
		})
	}
}
