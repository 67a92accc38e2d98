package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// lettersOf is a mailbox of n messages of so many octets.
func lettersOf(n, octets int) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: append([]byte(fmt.Sprintf("Subject: %d\r\n\r\n", i)), bytes.Repeat([]byte("x"), octets)...)}
	}}
}

func without(caps ...string) []string {
	return slices.DeleteFunc(imaptest.FakeCaps(), func(c string) bool { return slices.Contains(caps, c) })
}

// scenario is a probe between two scripted servers.
type scenario struct {
	name      string
	src, dst  imaptest.FakeOptions
	dstBoxes  []imaptest.FakeMailbox
	readOnly  bool
	steps     [3]int // at least, of source, destination, both
	ended     string // a pattern that all that has ended together must fit; "": nothing may have
	mailboxes string // a pattern of Report.Mailboxes as JSON
	left      []string
	notes     string
	check     func(t *testing.T, rep *Report, src, dst *imaptest.Fake)
}

const clean = `"left":\[\],"earlier_removed":\[\],"earlier_seen":\[\]`

func (s scenario) run(t *testing.T) {
	src := imaptest.NewFake(t, s.src, lettersOf(300, 2000))
	dst := imaptest.NewFake(t, s.dst, s.dstBoxes...)
	before := dst.Mailboxes()
	pair := pairOf(t, 2, src.Access(), dst.Access())
	pair.Source.Password, pair.Dest.Password = account.NewSecret(secret), account.NewSecret(secret)
	o := quick(nil)
	o.Pairs, o.ReadOnly, o.Volume = append(o.Pairs, pair), s.readOnly, 2<<20
	rep, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := [3]int{len(rep.Source), len(rep.Dest), len(rep.Both)}; got != s.steps {
		t.Errorf("%v steps, want %v", got, s.steps)
	}
	out, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte(secret)) {
		t.Errorf("a password is in the report: %s", out)
	}
	match(t, "ended", s.ended, fmt.Sprintf("%+v", rep.Ended))
	boxes, _ := json.Marshal(rep.Mailboxes)
	if s.mailboxes == "" {
		s.mailboxes = clean
	}
	match(t, "mailboxes", s.mailboxes, string(boxes))
	match(t, "notes", s.notes, fmt.Sprint(rep.Notes))
	after := slices.DeleteFunc(dst.Mailboxes(), func(n string) bool { return ours.MatchString(n) && s.left != nil })
	if want := slices.DeleteFunc(before, func(n string) bool { return ours.MatchString(n) && !s.readOnly }); !slices.Equal(after, want) {
		t.Errorf("the destination has %q, want %q", after, want)
	}
	for _, f := range []*imaptest.Fake{src, dst} {
		if v := f.Violations(); len(v) > 0 {
			t.Errorf("violations %q", v)
		}
	}
	onlyReads(t, src)
	onlyOurs(t, dst)
	if s.check != nil {
		s.check(t, rep, src, dst)
	}
}

func match(t *testing.T, what, pattern, text string) {
	t.Helper()
	if pattern == "" {
		pattern = `^\[\]$`
	}
	if !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("%s: %s, want %s", what, text, pattern)
	}
}

// onlyReads: a source is only read.
func onlyReads(t *testing.T, f *imaptest.Fake) {
	t.Helper()
	allowed := []string{"CAPABILITY", "LOGIN", "ID", "NAMESPACE", "NOOP", "LIST", "LSUB", "STATUS", "EXAMINE", "UID FETCH", "LOGOUT"}
	for _, c := range f.Commands() {
		if !slices.Contains(allowed, c.Name) || c.Name == "UID FETCH" && strings.Contains(c.Args, "BODY[") {
			t.Errorf("the source was told %s %s", c.Name, c.Args)
		}
	}
}

// onlyOurs: what changes anything at a destination is about mailboxes of a
// probe.
func onlyOurs(t *testing.T, f *imaptest.Fake) {
	t.Helper()
	harmless := []string{"CAPABILITY", "LOGIN", "ID", "NAMESPACE", "NOOP", "LIST", "LSUB", "GETQUOTAROOT", "EXAMINE", "UNSELECT", "LOGOUT"}
	for _, c := range f.Commands() {
		if slices.Contains(harmless, c.Name) {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(c.Args, `"`), `"`)
		name, _, _ = strings.Cut(name, " ")
		if !slices.Contains([]string{"CREATE", "SELECT", "APPEND", "DELETE"}, c.Name) || !ours.MatchString(name) {
			t.Errorf("the destination was told %s %s", c.Name, c.Args)
		}
	}
}

// count is how many commands of a name came.
func count(f *imaptest.Fake, command string) int {
	seen := map[string]bool{}
	for _, c := range f.Commands() {
		if c.Name == command {
			seen[fmt.Sprint(c.Conn, " ", c.Tag)] = true
		}
	}
	return len(seen)
}

// refuse answers one command with a refusal, after the first so many.
func refuse(command, with string, after int64) func(imaptest.FakeCommand) imaptest.FakeReply {
	var n atomic.Int64
	return func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == command && n.Add(1) > after {
			return imaptest.FakeReply{Lines: []string{"TAG " + with}}
		}
		return imaptest.FakeReply{}
	}
}

// sessions lets so many logins in.
func sessions(most int64, refusal string) func(_, _, _ string) string {
	var n atomic.Int64
	return func(_, _, _ string) string {
		if n.Add(1) > most {
			return refusal
		}
		return ""
	}
}

func TestScripted(t *testing.T) {
	all := [3]int{3, 3, 3}
	const fromEarlier = "imapfleet-probe-0123456789ab-12"
	tests := []scenario{
		{name: "everything is offered", steps: all, mailboxes: `"made":4,"removed":4,` + clean},
		{name: "no MULTIAPPEND", dst: imaptest.FakeOptions{Caps: without("MULTIAPPEND")}, steps: all},
		{name: "no LITERAL+ either", dst: imaptest.FakeOptions{Caps: without("MULTIAPPEND", "LITERAL+", "UNSELECT")}, steps: all, check: func(t *testing.T, rep *Report, _, _ *imaptest.Fake) {
			var lacks []string
			for _, e := range rep.Server2.Missing {
				lacks = append(lacks, e.Name)
			}
			if !slices.Contains(lacks, "MULTIAPPEND") || !slices.Contains(lacks, "LITERAL+") || slices.Contains(lacks, "UIDPLUS") {
				t.Errorf("missing %q", lacks)
			}
		}},
		{name: "read only", readOnly: true, steps: [3]int{3, 0, 0}, check: func(t *testing.T, rep *Report, _, dst *imaptest.Fake) {
			if n := count(dst, "CREATE") + count(dst, "DELETE") + count(dst, "APPEND"); n > 0 || rep.Written > 0 || !strings.HasPrefix(rep.Verdict, "only the source") {
				t.Errorf("%d changes; %s", n, rep.Verdict)
			}
		}},
		{name: "CREATE is refused", dst: imaptest.FakeOptions{Intercept: refuse("CREATE", "NO [NOPERM] not here", 0)}, steps: [3]int{3, 0, 0},
			ended: `destination Lanes:1 Why:.*not here.*both Lanes:1 Why:.*not measured`, check: func(t *testing.T, rep *Report, _, dst *imaptest.Fake) {
				if count(dst, "CREATE") != 1 || count(dst, "DELETE") != 0 {
					t.Errorf("%d CREATE, %d DELETE", count(dst, "CREATE"), count(dst, "DELETE"))
				}
			}},
		{name: "made and full of mail already", dst: imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
			switch c.Name {
			case "CREATE":
				return imaptest.FakeReply{Lines: []string{"TAG NO [ALREADYEXISTS] it is there"}}
			case "SELECT":
				return imaptest.FakeReply{Lines: []string{"* 5 EXISTS", "TAG OK [READ-WRITE] open"}}
			}
			return imaptest.FakeReply{}
		}}, steps: [3]int{3, 0, 0}, ended: `left alone`, mailboxes: `"made":1,"removed":0,` + clean, check: func(t *testing.T, _ *Report, _, dst *imaptest.Fake) {
			if n := count(dst, "DELETE") + count(dst, "APPEND"); n > 0 {
				t.Errorf("%d commands to a mailbox that is not ours", n)
			}
		}},
		{name: "a small quota", dst: imaptest.FakeOptions{Caps: append(imaptest.FakeCaps(), "QUOTA"), Quota: []string{`"" (STORAGE 700 1000)`}}, steps: all,
			notes: `line 2: the quota leaves 300.0 KiB`, check: func(t *testing.T, rep *Report, _, _ *imaptest.Fake) {
				if rep.Written == 0 || rep.Written > 150<<10 {
					t.Errorf("%d octets written", rep.Written)
				}
			}},
		{name: "no room at all", dst: imaptest.FakeOptions{Caps: append(imaptest.FakeCaps(), "QUOTA"), Quota: []string{`"" (MESSAGE 10 10)`}}, steps: [3]int{3, 0, 0},
			ended: `destination Lanes:1 Why:nothing was moved`, notes: `.`},
		{name: "over quota", dst: imaptest.FakeOptions{Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
			if m.N > 40 {
				return imaptest.FakeRefusal{Answer: "NO [OVERQUOTA] mailbox is full", AtEnd: true}
			}
			return imaptest.FakeRefusal{}
		}}, steps: [3]int{3, 0, 0}, ended: `destination Lanes:1 Why:.*mailbox is full`},
		{name: "throttled", dst: imaptest.FakeOptions{Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
			return imaptest.FakeRefusal{Answer: "NO [THROTTLED] slower, please", AtEnd: true}
		}}, steps: [3]int{3, 0, 0}, ended: `destination Lanes:1 Why:.*slower, please`, check: func(t *testing.T, _ *Report, _, dst *imaptest.Fake) {
			if n := count(dst, "APPEND"); n > 3 {
				t.Errorf("%d APPENDs after a throttle", n)
			}
		}},
		{name: "throttled source", src: imaptest.FakeOptions{Intercept: refuse("UID FETCH", "NO [THROTTLED] later", 1)}, steps: [3]int{0, 3, 0},
			ended: `source Lanes:1 Why:.*later.*both Lanes:1`, check: func(t *testing.T, _ *Report, src, _ *imaptest.Fake) {
				if n := count(src, "UID FETCH"); n > 4 {
					t.Errorf("%d FETCHes after a throttle", n)
				}
			}},
		{name: "a limit of connections", dst: imaptest.FakeOptions{Login: sessions(2, "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=2)")},
			steps: [3]int{3, 2, 2}, ended: `destination Lanes:4 Why:.*mail_max_userip_connections=2.*both Lanes:4`, check: func(t *testing.T, rep *Report, _, dst *imaptest.Fake) {
				if rep.Server2.MaxPerUser != 2 || count(dst, "LOGIN") > 4 {
					t.Errorf("limit %d, %d logins", rep.Server2.MaxPerUser, count(dst, "LOGIN"))
				}
			}},
		{name: "a refused login", dst: imaptest.FakeOptions{Login: sessions(0, "NO [AUTHENTICATIONFAILED] who are you")}, steps: [3]int{3, 0, 0}, ended: `destination Lanes:1`, check: func(t *testing.T, rep *Report, _, dst *imaptest.Fake) {
			if count(dst, "LOGIN") != 1 || !strings.Contains(rep.Rows[0].Fault, "who are you") {
				t.Errorf("%d logins, row %+v", count(dst, "LOGIN"), rep.Rows[0])
			}
		}},
		{name: "DELETE is refused", dst: imaptest.FakeOptions{Intercept: refuse("DELETE", "NO [NOPERM] it stays", 0)}, steps: all, left: []string{"4"},
			mailboxes: `"made":4,"removed":0,"left":\[\{"line":2,"user2":"user","mailbox":"imapfleet-probe-[0-9a-f]{12}-1","why":".*it stays`, check: func(t *testing.T, _ *Report, _, dst *imaptest.Fake) {
				if n := count(dst, "DELETE"); n != 4*mostTries {
					t.Errorf("%d DELETEs", n)
				}
			}},
		{name: "DELETE is refused once", dst: imaptest.FakeOptions{Intercept: func() func(imaptest.FakeCommand) imaptest.FakeReply {
			var n atomic.Int64
			return func(c imaptest.FakeCommand) imaptest.FakeReply {
				if c.Name == "DELETE" && n.Add(1) <= 2 {
					return imaptest.FakeReply{Lines: []string{"TAG NO [INUSE] busy"}}
				}
				return imaptest.FakeReply{}
			}
		}()}, steps: all, mailboxes: `"made":4,"removed":4,` + clean},
		{name: "left by an earlier one", dstBoxes: []imaptest.FakeMailbox{{Name: fromEarlier, Count: 1, Message: func(int) imaptest.FakeMessage { return imaptest.FakeMessage{Body: []byte("x")} }},
			{Name: "imapfleet-probe-mine"}, {Name: "imapfleet-probe-0123456789ab-12x"}, {Name: "my-imapfleet-probe-0123456789ab-1"}, {Name: "imapfleet-probe-0123456789AB-1"}},
			steps: all, mailboxes: `"left":\[\],"earlier_removed":\[\{"line":2,"user2":"user","mailbox":"` + fromEarlier + `"\}\]`},
		{name: "left by an earlier one, read only", readOnly: true, dstBoxes: []imaptest.FakeMailbox{{Name: fromEarlier}},
			steps: [3]int{3, 0, 0}, mailboxes: `"earlier_removed":\[\],"earlier_seen":\[\{"line":2,"user2":"user","mailbox":"` + fromEarlier},
		{name: "Gmail", dst: imaptest.FakeOptions{Caps: append(imaptest.FakeCaps(), "X-GM-EXT-1")}, steps: [3]int{3, 0, 0}, ended: `destination Lanes:1 Why:.*All Mail`},
		{name: "below a prefix", dst: imaptest.FakeOptions{Delimiter: ".", Namespace: `(("INBOX." ".")) NIL NIL`}, steps: all, check: func(t *testing.T, _ *Report, _, dst *imaptest.Fake) {
			for _, c := range dst.Commands() {
				if c.Name == "CREATE" && !strings.HasPrefix(c.Args, `"INBOX.imapfleet-probe-`) {
					t.Errorf("CREATE %s", c.Args)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.notes == "" {
				tt.notes = `^\[(what was sampled|some measurements|both together)?` // by chance
			}
			tt.run(t)
		})
	}
}
