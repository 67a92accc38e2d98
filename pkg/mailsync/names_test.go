package mailsync_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// named makes mailboxes of a Fake with some messages each, which differ.
func named(names ...string) []imaptest.FakeMailbox {
	boxes := make([]imaptest.FakeMailbox, len(names))
	for i, n := range names {
		boxes[i] = imaptest.FakeMailbox{Name: imaptest.EncodeName(n), Count: 3, Message: func(j int) imaptest.FakeMessage {
			return imaptest.FakeMessage{Body: text(100*i+j, 200+j)}
		}}
	}
	return boxes
}

// arrived checks that a Fake's mailbox holds exactly the messages of box.
func arrived(t *testing.T, dst *imaptest.Fake, name string, box imaptest.FakeMailbox) {
	t.Helper()
	storedOnce(t, dst, imaptest.EncodeName(name), box, nil)
}

// renamed reads the ledger's repairs of the row: what became of which mailbox.
func (r *rig) renamed() map[string]string {
	r.t.Helper()
	out := map[string]string{}
	for _, rep := range r.repairRows() {
		if rep.UID != 0 || rep.Kind != "name" {
			r.t.Errorf("repair %+v", rep)
		}
		out[rep.Was] = rep.Made
	}
	return out
}

// heard counts the commands of a name that a Fake was given.
func heard(f *imaptest.Fake, name string) (n int) {
	for _, c := range f.Commands() {
		if c.Name == name {
			n++
		}
	}
	return n
}

// picky refuses mailboxes whose names hold one of chars, or are longer than
// most octets.
func picky(chars string, most int, answer string) func(imaptest.FakeCommand) imaptest.FakeReply {
	return func(c imaptest.FakeCommand) imaptest.FakeReply {
		name := strings.Trim(c.Args, `"`)
		if c.Name == "CREATE" && (strings.ContainsAny(name, chars) || len(name) > most) {
			return imaptest.FakeReply{Lines: []string{"TAG " + answer}}
		}
		return imaptest.FakeReply{}
	}
}

// TestNamesRefused: a mailbox whose name the destination refuses goes under
// another one, and so do those below it; all messages arrive, the change is
// recorded, and a rerun knows.
func TestNamesRefused(t *testing.T) {
	long := strings.Repeat("long ", 60)
	names := []string{"INBOX", "50%", "50%/x", "50_", "plain", long, "50%/" + long}
	for name, answer := range map[string]string{"case 40: CANNOT": "NO [CANNOT] bad name", "case 40: no code": "NO Cannot create", "case 40: BAD": "BAD mailbox name",
		"case 40: as Courier says it": `NO Access denied for CREATE on x (ACL "c" required)`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			boxes := named(names...)
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: picky("%", 255, answer)})
			r := fakeRig(t, src, dst)
			counted(t, r.mustSync(), throughput.Count{Listed: 21, Copied: 21})
			got := r.renamed()
			percent := got["50%"]
			if !strings.HasPrefix(percent, "50_~") || got["50%/x"] != percent+"/x" || len(got) != 4 {
				t.Errorf("repairs: %q", got)
			}
			for i, n := range names {
				dest := n
				if changed, ok := got[n]; ok {
					dest = changed
				}
				arrived(t, dst, dest, boxes[i])
			}
			before := heard(dst, "CREATE")
			counted(t, r.mustSync(), throughput.Count{Listed: 21, AlreadyThere: 21})
			if n := heard(dst, "CREATE"); n != before {
				t.Errorf("a rerun sent %d CREATE", n-before)
			}
			r.dir = t.TempDir() + "/other"
			counted(t, r.mustSync(), throughput.Count{Listed: 21, AlreadyThere: 21})
			if d := cmp.Diff(got, r.renamed()); d != "" {
				t.Errorf("repairs without the first ledger (-want +got):\n%s", d)
			}
		})
	}
}

// TestNamesRefusedForGood: a name that the user gave letter by letter, one that
// is refused however it is spelt, and one that is refused for lack of a right
// cost their mailbox only.
func TestNamesRefusedForGood(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rules   rules.Rules
		dst     func(imaptest.FakeCommand) imaptest.FakeReply
		refused string
		creates int
	}{
		{"case 35: --map", rules.Rules{Map: []rules.Rename{{From: "a", To: "50%"}}}, picky("%", 255, "NO [CANNOT] no"), "50%", 2},
		{"case 40: under every name", rules.Rules{}, picky("a", 255, "NO [CANNOT] no"), "a%", 4},
		{"no right to", rules.Rules{}, picky("a", 255, "NO [NOPERM] no"), "a%", 2},
		{"case 40: under every name, in other words", rules.Rules{}, picky("a", 255, "NO Permission denied"), "a%", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			boxes := named("INBOX", "a%", "other")
			if len(tt.rules.Map) > 0 {
				boxes = named("INBOX", "a", "other")
			}
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: tt.dst})
			r := fakeRig(t, src, dst)
			r.rules = tt.rules
			for pass := range 2 {
				c, err := r.sync(t.Context())
				if f := fault.Of(err); f == nil || f.Scope != fault.Mailbox || f.Side != fault.Dest || f.Code != fault.MailboxRefused || f.Mailbox != tt.refused {
					t.Errorf("error %v", err)
				}
				want := throughput.Count{Listed: 9, Copied: 6, NotTried: 3, MailboxesRefused: 1}
				if pass == 1 {
					want.Copied, want.AlreadyThere = 0, 6
				}
				counted(t, c, want)
			}
			if n := heard(dst, "CREATE"); n < 2 || n > 2*tt.creates+1 {
				t.Errorf("%d CREATE", n)
			}
			if got := r.renamed(); len(got) != 0 {
				t.Errorf("repairs: %q", got)
			}
		})
	}
}

// TestCaseTwins is case 29: where the destination takes names that differ in
// letter case for one, each source mailbox gets one of its own.
func TestCaseTwins(t *testing.T) {
	boxes := named("INBOX", "Sent", "SENT", "SENT/x", "Sent/x", "work", "WORK/y")
	t.Run("case 29: both are new", func(t *testing.T) {
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
		dst := imaptest.NewFake(t, imaptest.FakeOptions{FoldCase: true})
		r := fakeRig(t, src, dst)
		counted(t, r.mustSync(), throughput.Count{Listed: 21, Copied: 21})
		got := r.renamed()
		t.Logf("repairs: %q", got)
		seen := map[string]bool{}
		for i, n := range []string{"INBOX", "Sent", "SENT", "SENT/x", "Sent/x", "work", "WORK/y"} {
			dest := n
			if changed, ok := got[n]; ok {
				dest = changed
			}
			if seen[strings.ToLower(dest)] {
				t.Errorf("%q goes where another one goes: %q", n, dest)
			}
			seen[strings.ToLower(dest)] = true
			arrived(t, dst, dest, boxes[i])
		}
		counted(t, r.mustSync(), throughput.Count{Listed: 21, AlreadyThere: 21})
	})
	t.Run("case 29: the destination's spelling is another", func(t *testing.T) {
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes[0], boxes[2])
		dst := imaptest.NewFake(t, imaptest.FakeOptions{FoldCase: true}, imaptest.FakeMailbox{Name: "inBOX"}, imaptest.FakeMailbox{Name: "sent"})
		r := fakeRig(t, src, dst)
		r.rules.NoAutomap = true
		counted(t, r.mustSync(), throughput.Count{Listed: 6, Copied: 6})
		arrived(t, dst, "sent", boxes[2])
		if got := r.renamed(); len(got) != 0 {
			t.Errorf("repairs: %q", got)
		}
		counted(t, r.mustSync(), throughput.Count{Listed: 6, AlreadyThere: 6})
	})
	t.Run("case 29: merged by the user's will under another spelling", func(t *testing.T) {
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes[0], boxes[1], boxes[5])
		dst := imaptest.NewFake(t, imaptest.FakeOptions{FoldCase: true})
		r := fakeRig(t, src, dst)
		r.rules.Map = []rules.Rename{{From: "work", To: "SENT"}}
		counted(t, r.mustSync(), throughput.Count{Listed: 9, Copied: 9})
		if n := len(dst.Stored("Sent")); n != 6 {
			t.Errorf("Sent holds %d messages, want 6", n)
		}
		counted(t, r.mustSync(), throughput.Count{Listed: 9, AlreadyThere: 9})
	})
	t.Run("case 29: they stay two where case counts", func(t *testing.T) {
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
		dst := imaptest.NewFake(t, imaptest.FakeOptions{})
		r := fakeRig(t, src, dst)
		counted(t, r.mustSync(), throughput.Count{Listed: 21, Copied: 21})
		if got := r.renamed(); len(got) != 0 {
			t.Errorf("repairs: %q", got)
		}
	})
}

// TestRenamedAtDest: where the destination takes names that differ in letter
// case for one, and its user has changed the case of a mailbox that mail was
// copied to, it is found under the name that was chosen, whatever the server
// answers to CREATE, and what else wants the user's spelling keeps out of it.
func TestRenamedAtDest(t *testing.T) {
	for name, answer := range map[string]string{"by code": "NO [ALREADYEXISTS] it is there", "without a code": "NO it is there"} {
		t.Run(name, func(t *testing.T) {
			boxes := named("INBOX", "Archive", "archive")
			var renamed atomic.Bool
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{FoldCase: true, Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
				if c.Name == "CREATE" && c.Args == `"Archive"` && renamed.Load() {
					return imaptest.FakeReply{Lines: []string{"TAG " + answer}}
				}
				return imaptest.FakeReply{}
			}})
			r := fakeRig(t, src, dst)
			r.rules.Exclude = []rules.Pattern{{Regexp: regexp.MustCompile("^archive$"), Raw: "^archive$"}}
			counted(t, r.mustSync(), throughput.Count{Listed: 6, Copied: 6})
			if err := dst.Rename("Archive", "archive"); err != nil {
				t.Fatal(err)
			}
			renamed.Store(true)
			counted(t, r.mustSync(), throughput.Count{Listed: 6, AlreadyThere: 6})
			r.rules.Exclude = nil
			counted(t, r.mustSync(), throughput.Count{Listed: 9, AlreadyThere: 6, Copied: 3})
			counted(t, r.mustSync(), throughput.Count{Listed: 9, AlreadyThere: 9})
			arrived(t, dst, "archive", boxes[1])
			arrived(t, dst, "archive (2)", boxes[2])
		})
	}
}

// TestTwinRefused: a mailbox that mail was copied to and that is gone is not
// taken for one that differs in letter case, where the server knows better.
func TestTwinRefused(t *testing.T) {
	boxes := named("INBOX", "Archive")
	var gone atomic.Bool
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == "CREATE" && gone.Load() {
			return imaptest.FakeReply{Lines: []string{"TAG NO [CANNOT] no more mailboxes"}}
		}
		return imaptest.FakeReply{}
	}})
	r := fakeRig(t, src, dst)
	r.mustSync()
	if err := dst.Rename("Archive", "archive"); err != nil {
		t.Fatal(err)
	}
	gone.Store(true)
	count, err := r.sync(t.Context())
	counted(t, count, throughput.Count{Listed: 6, AlreadyThere: 3, NotTried: 3, MailboxesRefused: 1})
	if f := fault.Of(err); f == nil || f.Scope != fault.Mailbox || f.Op != "create" {
		t.Errorf("error %v", err)
	}
}

// TestRulesChange: what was copied stays where it is, with a warning; a mailbox
// of which nothing was copied takes the new rule.
func TestRulesChange(t *testing.T) {
	boxes := append(named("INBOX", "a"), imaptest.FakeMailbox{Name: "empty"})
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.mustSync()
	r.rules.Map = []rules.Rename{{From: "a", To: "z"}, {From: "empty", To: "other"}}
	log := r.logged()
	counted(t, r.mustSync(), throughput.Count{Listed: 6, AlreadyThere: 6})
	if !strings.Contains(log.String(), "a went to a in an earlier run and stays there, although --map says z now") {
		t.Errorf("log: %s", log)
	}
	made := map[string]bool{}
	for _, c := range dst.Commands() {
		if c.Name == "CREATE" {
			made[c.Args] = true
		}
	}
	if d := cmp.Diff(map[string]bool{`"a"`: true, `"empty"`: true, `"other"`: true}, made); d != "" {
		t.Errorf("made (-want +got):\n%s", d)
	}
}

// TestSelection: what is left out is counted and not touched, and a mailbox
// that is asked for by name and is not there fails the row before anything is
// made.
func TestSelection(t *testing.T) {
	boxes := append(named("INBOX", "a", "b"), imaptest.FakeMailbox{Name: "All", Attributes: `\All`, Count: 9, Message: plain(9).Message})
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: append(caps(), "SPECIAL-USE")}, boxes...)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.rules.FolderTrees = []string{"missing"}
	_, err := r.sync(t.Context())
	if f := fault.Of(err); f == nil || f.Scope != fault.Account || f.Side != fault.Source || f.Mailbox != "missing" || f.Temporary {
		t.Errorf("case 39: error %v (%+v)", err, f)
	}
	if n := heard(dst, "CREATE"); n != 0 {
		t.Errorf("case 39: %d CREATE", n)
	}
	r.rules = rules.Rules{Folders: []string{"INBOX", "a"}}
	log := r.logged()
	c := r.mustSync()
	counted(t, c, throughput.Count{Listed: 6, Copied: 6})
	if c.MailboxesFiltered != 2 || c.Mailboxes != 2 {
		t.Errorf("%d mailboxes, %d left out", c.Mailboxes, c.MailboxesFiltered)
	}
	if !strings.Contains(log.String(), `msg="mailbox left out"`) {
		t.Errorf("log: %s", log)
	}
}

// TestSubscriptions is case 32.
func TestSubscriptions(t *testing.T) {
	for name, tt := range map[string]struct {
		rules rules.Rules
		want  []bool // of INBOX (which the server itself subscribes to), yes, no
	}{
		"case 32: as at the source": {rules.Rules{}, []bool{true, true, false}},
		"--subscribe":               {rules.Rules{Subscribe: true}, []bool{true, true, true}},
		"--nosubscribe":             {rules.Rules{NoSubscribe: true}, []bool{true, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, memoryHost(t), memoryHost(t))
			r.rules = tt.rules
			r.fillSource(imaptest.Mailbox{Name: "INBOX", Subscribed: true}, imaptest.Mailbox{Name: "yes", Subscribed: true}, imaptest.Mailbox{Name: "no"})
			r.mustSync()
			got := map[string]bool{}
			for _, m := range r.dump(r.dst).Mailboxes {
				got[m.Name] = m.Subscribed
			}
			if d := cmp.Diff(map[string]bool{"INBOX": tt.want[0], "yes": tt.want[1], "no": tt.want[2]}, got); d != "" {
				t.Errorf("subscribed (-want +got):\n%s", d)
			}
		})
	}
}

// TestNamesOnServers is case 27 and what maildir cannot hold, on real names and
// real servers.
func TestNamesOnServers(t *testing.T) {
	t.Parallel()
	names := []string{"sp ace", "two  blanks", `q"uote`, `back\slash`, "st*r%", "[bracket]", "été", "日本語", "😀", "R&D", "x.y", "x_y",
		strings.Repeat("n", 230), strings.Repeat("é", 120), strings.TrimSuffix(strings.Repeat("deep/", 60), "/"), "50%", "~tilde", "#hash", "-dash"}
	run := func(t *testing.T, dst host) {
		r := newRig(t, memoryHost(t), dst)
		var boxes []imaptest.Mailbox
		for i, n := range names {
			boxes = append(boxes, imaptest.Mailbox{Name: n, Messages: mail(fmt.Sprint("m", i), 2, 500)})
		}
		r.fillSource(boxes...)
		if c := r.mustSync(); c.Copied != int64(2*len(names)) {
			t.Errorf("first pass: %+v", c)
		}
		t.Logf("repairs: %q", r.renamed())
		holding := 0
		for _, m := range r.dump(r.dst).Mailboxes {
			if len(m.Messages) > 0 {
				holding++
			}
			if n := len(m.Messages); n != 0 && n != 2 {
				t.Errorf("%s holds %d messages", m.Name, n)
			}
		}
		if holding != len(names) {
			t.Errorf("%d mailboxes hold messages, want %d", holding, len(names))
		}
		if c := r.mustSync(); c.Copied != 0 {
			t.Errorf("second pass: %+v", c)
		}
		r.dir = t.TempDir() + "/other"
		if c := r.mustSync(); c.Copied != 0 {
			t.Errorf("without a ledger: %+v", c)
		}
	}
	t.Run("case 27: memory", func(t *testing.T) { run(t, memoryHost(t)) })
	t.Run("case 27: dovecot, maildir", func(t *testing.T) { run(t, dotHost(t)) })
	t.Run("case 27: dovecot, sdbox", func(t *testing.T) { run(t, slashHost(t)) })
	t.Run("case 27: cyrus", func(t *testing.T) { run(t, cyrusHost(t)) })
	t.Run("case 27: courier", func(t *testing.T) { run(t, courierHost(t)) })
}

// TestContainerAtDest: a name that the destination has only as a container of
// others becomes a mailbox.
func TestContainerAtDest(t *testing.T) {
	for name, dst := range map[string]func(*testing.T) host{"memory": memoryHost, "dovecot, maildir": dotHost, "dovecot, sdbox": slashHost,
		"cyrus": cyrusHost, "courier": courierHost} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, memoryHost(t), dst(t))
			r.fillDest(imaptest.Mailbox{Name: "par/child"})
			r.fillSource(imaptest.Mailbox{Name: "par", Messages: mail("p", 3, 200)})
			if c := r.mustSync(); c.Copied != 3 {
				t.Errorf("%+v", c)
			}
			r.equal(true)
		})
	}
}

// TestNoNamespace is case 43: without NAMESPACE, prefix and delimiter are what
// LIST shows.
func TestNoNamespace(t *testing.T) {
	for _, tt := range []struct {
		name  string
		boxes []string
		want  []string
	}{
		{"case 43: all below INBOX", []string{"INBOX", "INBOX.Junk"}, []string{"INBOX", "Junk"}},
		{"case 43: one beside it", []string{"INBOX", "INBOX.Junk", "zzz"}, []string{"INBOX", "INBOX/Junk", "zzz"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			boxes := named(tt.boxes...)
			src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps("NAMESPACE"), Delimiter: "."}, boxes...)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{})
			fakeRig(t, src, dst).mustSync()
			for i, n := range tt.want {
				arrived(t, dst, n, boxes[i])
			}
		})
	}
}

// TestTenThousandMailboxes is case 44.
func TestTenThousandMailboxes(t *testing.T) {
	const n = 10_000
	boxes := make([]imaptest.FakeMailbox, n)
	for i := range boxes {
		boxes[i] = imaptest.FakeMailbox{Name: fmt.Sprintf("a%d/b%d", i%100, i)}
		if i%1000 == 0 {
			boxes[i].Count, boxes[i].Message = 1, plain(1).Message
		}
	}
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: append(caps(), "CONDSTORE", "LIST-EXTENDED", "LIST-STATUS")}, boxes...)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); o.Logger = nil }
	r.logged()
	t.Run("case 44: 10,000 mailboxes finish", func(t *testing.T) {
		if c := r.mustSync(); c.Mailboxes != n+1 || c.Copied != 10 {
			t.Errorf("%+v", c)
		}
		if c := r.mustSync(); c.Mailboxes != n+1 || c.Copied != 0 {
			t.Errorf("second pass: %+v", c)
		}
	})
}

// TestDryRunShowsMapping: a dry run says where everything would go.
func TestDryRunShowsMapping(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, named("INBOX", "a", "b")...)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.rules = rules.Rules{Map: []rules.Rename{{From: "INBOX", To: "z"}, {From: "a", To: "z"}}, Folders: []string{"INBOX"}}
	var notes []string
	r.options = func(o *mailsync.Options) {
		quick(o)
		o.DryRun = true
		o.OnMapping = func(pair account.Pair, m *mapping.Map) { notes = m.Notes() }
	}
	r.mustSync()
	want := []string{"INBOX goes to z: --map", "a is left out: not among those asked for by name", "b is left out: not among those asked for by name"}
	if d := cmp.Diff(want, notes); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
}
