package mailsync_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// many is an account of 40 mailboxes on two Fakes.
func many(t *testing.T, from, to imaptest.FakeOptions) (r *rig, src, dst *imaptest.Fake) {
	t.Helper()
	boxes := []imaptest.FakeMailbox{plain(5)}
	for i := range 39 {
		b := plain(i % 4)
		b.Name = fmt.Sprintf("box %d", i)
		boxes = append(boxes, b)
	}
	src, dst = imaptest.NewFake(t, from, boxes...), imaptest.NewFake(t, to)
	return fakeRig(t, src, dst), src, dst
}

// A pass opens what has changed, and nothing else.
func TestUnchangedStayClosed(t *testing.T) {
	offered := imaptest.FakeOptions{Caps: tracking()}
	r, src, dst := many(t, offered, offered)
	r.options = quick
	first := r.mustSync()
	for _, tt := range []struct {
		name   string
		change func()
		want   throughput.Count
		opened []string
	}{
		{"nothing", func() {}, throughput.Count{}, nil},
		{"new mail", func() { r.fillSource(imaptest.Mailbox{Name: "box 7", Messages: mail("new", 2, 100)}) }, throughput.Count{Copied: 2}, []string{`"box 7"`}},
		{"a flag", func() { set(t, src, map[uint32]string{3: `\Flagged`}) }, throughput.Count{FlagsUpdated: 1}, []string{`"INBOX"`}},
		{"flags at the destination", func() { set(t, dst, map[uint32]string{3: `\Draft`}) }, throughput.Count{}, nil},
		{"mail at the destination", func() { r.fillDest(imaptest.Mailbox{Name: "box 8", Messages: mail("user", 2, 100)}) }, throughput.Count{}, nil},
		{"the source's UIDVALIDITY", func() { must(t, src.Renew("box 9")) }, throughput.Count{}, []string{`"box 9"`}},
		{"the destination's UIDVALIDITY", func() { must(t, dst.Renew("box 10")) }, throughput.Count{}, []string{`"box 10"`}},
	} {
		tt.change()
		n, m := len(src.Commands()), len(dst.Commands())
		c := r.mustSync()
		if c.Copied != tt.want.Copied || c.FlagsUpdated != tt.want.FlagsUpdated || c.Mailboxes != 40 || c.Listed < first.Listed {
			t.Errorf("%s: %+v", tt.name, c)
		}
		if opened := slices.Compact(told(src, n, "EXAMINE")); !slices.Equal(opened, tt.opened) {
			t.Errorf("%s: opened %q, want %q", tt.name, opened, tt.opened)
		}
		if opened := slices.Compact(told(dst, m, "SELECT")); len(opened) > len(tt.opened) {
			t.Errorf("%s: opened %q at the destination", tt.name, opened)
		}
	}
	n := len(src.Commands())
	r.mustSync()
	var names []string
	for _, c := range src.Commands()[n:] {
		names = append(names, c.Name)
	}
	if want := []string{"CAPABILITY", "LOGIN", "ID", "NAMESPACE", "LIST", "LOGOUT"}; !slices.Equal(slices.Compact(names), want) {
		t.Errorf("an unchanged account cost %q, want %q", names, want)
	}
	obedient(t, src)
	obedient(t, dst)
}

// Without CONDSTORE mailboxes are opened for their flags, but the empty ones.
func TestUnchangedWithoutCondstore(t *testing.T) {
	r, src, dst := many(t, imaptest.FakeOptions{}, imaptest.FakeOptions{})
	r.mustSync()
	n, m := len(src.Commands()), len(dst.Commands())
	r.updates(0)
	if opened := told(src, n, "EXAMINE"); len(opened) != 30 {
		t.Errorf("%d mailboxes opened, want the 30 that are not empty: %q", len(opened), opened)
	}
	if opened := opening(dst, m); len(opened) != 0 {
		t.Errorf("opened at the destination: %q", opened)
	}
}

// A mailbox with a rejected message is not unchanged: it is tried again.
func TestRejectsAreNotUnchanged(t *testing.T) {
	refuse := true
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: tracking()}, plain(5))
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: tracking(), Append: func(m imaptest.FakeAppend) (no imaptest.FakeRefusal) {
		if refuse && m.Octets == sizeOf(3) {
			no.Answer = "NO [CANNOT] not this one"
		}
		return no
	}})
	r := fakeRig(t, src, dst)
	for i, want := range []throughput.Count{{Listed: 5, Copied: 4, Rejected: 1}, {Listed: 5, AlreadyThere: 4, Rejected: 1}} {
		c, err := r.sync(t.Context())
		for _, f := range told(src, 0, "UID FETCH") {
			if strings.Contains(f, "(UID FLAGS)") {
				t.Errorf("pass %d asked for flags that have not changed: %s", i+1, f)
			}
		}
		if fault.ScopeOf(err) != fault.Message {
			t.Errorf("error %v", err)
		}
		counted(t, c, want)
	}
	refuse = false
	counted(t, r.mustSync(), throughput.Count{Listed: 5, Copied: 1, AlreadyThere: 4})
	n := len(src.Commands())
	counted(t, r.mustSync(), throughput.Count{Listed: 5, AlreadyThere: 5})
	if opened := opening(src, n); len(opened) > 0 {
		t.Errorf("opened %q", opened)
	}
}

// What the ledger says of the last pass must leave no doubt.
func TestDoubtIsNotUnchanged(t *testing.T) {
	for name, doubt := range map[string]func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error{
		"open floor": func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
			return led.SetFloors(ctx, []ledger.Floor{{ID: m.ID, Floor: m.Floor, Open: true}})
		},
		"another number of messages": func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
			return led.FinishMailbox(ctx, m.ID, ledger.Finished{UIDNext: m.SourceUIDNext, Messages: m.SourceMessages + 1, ModSeq: m.SourceModSeq})
		},
		"no pass that came to its end": func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
			return led.FinishMailbox(ctx, m.ID, ledger.Finished{})
		},
	} {
		r, src, _ := changing(t, imaptest.FakeOptions{Caps: tracking()}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
		r.mustSync()
		r.inLedger(doubt)
		for _, want := range []int{1, 0} {
			n := len(src.Commands())
			r.updates(0)
			if opened := opening(src, n); len(opened) != want {
				t.Errorf("%s: opened %q, want %d", name, opened, want)
			}
		}
	}
}

// UIDs that do not last tell nothing to the next pass.
func TestUnstickyIsNotUnchanged(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 5, 100)})
	r.before(false, imaptest.ProxyOptions{Rewrite: func(line []byte) []byte {
		if strings.Contains(string(line), "[UIDVALIDITY ") {
			return append(line, "\r\n* OK [UIDNOTSTICKY] they do not last"...)
		}
		return line
	}})
	r.options = func(o *mailsync.Options) { o.FlagsOff = true }
	r.mustSync()
	log := r.logged()
	r.updates(0)
	if !strings.Contains(log.String(), "messages found at the destination") {
		t.Errorf("the mailbox was not compared anew:\n%s", log)
	}
}

// The HIGHESTMODSEQ of a mailbox that was replaced is nobody's.
func TestModSeqOfAnotherMailbox(t *testing.T) {
	var src *imaptest.Fake
	var examined atomic.Int32
	var replace atomic.Bool
	r, src, _ := changing(t, imaptest.FakeOptions{Caps: tracking(), Intercept: func(c imaptest.FakeCommand) (none imaptest.FakeReply) {
		if c.Name == "EXAMINE" && replace.Load() && examined.Add(1) == 1 {
			if err := src.Renew("INBOX"); err != nil {
				t.Error(err)
			}
		}
		return none
	}}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
	modSeq := func(want uint64) {
		t.Helper()
		r.inLedger(func(_ context.Context, _ *ledger.Ledger, m ledger.Mailbox) error {
			if m.SourceModSeq != want {
				t.Errorf("the ledger has mod-sequence %d, want %d", m.SourceModSeq, want)
			}
			return nil
		})
	}
	r.mustSync()
	modSeq(1)
	set(t, src, map[uint32]string{1: ""})
	replace.Store(true)
	r.updates(0)
	modSeq(0)
	r.updates(0)
	modSeq(2)
	must(t, src.Renew("INBOX"))
	r.options = func(o *mailsync.Options) {
		quick(o)
		o.FlagsOff = true
	}
	r.updates(0)
	modSeq(0)
}

// A pass that finds nothing new writes nothing about mailboxes into the ledger,
// opened or not.
func TestUnchangedWritesNothing(t *testing.T) {
	for _, c := range [][]string{nil, tracking()} {
		r, _, _ := many(t, imaptest.FakeOptions{Caps: c}, imaptest.FakeOptions{})
		r.mustSync()
		file := filepath.Join(r.dir, ledger.Name)
		before, err := os.Stat(file)
		must(t, err)
		r.updates(0)
		after, err := os.Stat(file)
		must(t, err)
		if !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("with %v: the ledger was written to", c)
		}
	}
}

// Without UIDNEXT nobody can tell whether a message has come.
func TestNoUIDNextIsNotUnchanged(t *testing.T) {
	r, src, _ := changing(t, imaptest.FakeOptions{Caps: tracking(), NoUIDNext: true}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
	r.mustSync()
	n := len(src.Commands())
	r.updates(0)
	if opened := opening(src, n); len(opened) != 1 {
		t.Errorf("opened %q", opened)
	}
}
