package mailsync_test

import (
	"bytes"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// intoInbox sends every mailbox to INBOX.
var intoInbox = rules.Rules{Transforms: []rules.Transform{{From: regexp.MustCompile(".*"), To: "INBOX", Raw: "s/.*/INBOX/"}}}

// mergeable fills the source with mailboxes that share messages, within each
// and with each other, and returns how many there are.
func (r *rig) mergeable() int {
	r.t.Helper()
	a, b := mail("a", 12, 3000), mail("b", 6, 3000)
	r.fillSource(
		imaptest.Mailbox{Name: "INBOX", Messages: append(mail("a", 12, 3000), mail("a", 4, 3000)...)},
		imaptest.Mailbox{Name: "Work", Messages: append(a, b...)},
		imaptest.Mailbox{Name: "Work/x", Messages: append(mail("b", 6, 3000), mail("c", 5, 3000)...)},
		imaptest.Mailbox{Name: "empty"},
	)
	return 12 + 4 + 12 + 6 + 6 + 5
}

// merged holds the destination's INBOX against all of the source, as
// multisets of bodies.
func (r *rig) merged() {
	r.t.Helper()
	count := map[string]int{}
	for _, m := range r.dump(r.src).Mailboxes {
		for _, msg := range m.Messages {
			count[msg.Digest]++
		}
	}
	for _, m := range r.dump(r.dst).Mailboxes {
		for _, msg := range m.Messages {
			if m.Name != "INBOX" {
				r.t.Errorf("%s holds a message", m.Name)
			}
			count[msg.Digest]--
		}
	}
	for d, n := range count {
		if n != 0 {
			r.t.Errorf("message %.12s is there %d times too few", d, n)
		}
	}
}

// TestMergeIntoOne is case 37: everything goes into one INBOX. Equal messages of
// several sources all arrive, once each; a rerun brings none, also when the
// ledger is lost.
func TestMergeIntoOne(t *testing.T) {
	servers(t, func(t *testing.T, src, dst host) {
		t.Run("case 37: all mailboxes into one", func(t *testing.T) {
			r := newRig(t, src, dst)
			r.rules = intoInbox
			want := int64(r.mergeable())
			if c := r.mustSync(); c.Copied != want {
				t.Errorf("first pass: %+v", c)
			}
			r.merged()
			if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != want {
				t.Errorf("second pass: %+v", c)
			}
			r.dir = t.TempDir() + "/other"
			if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != want {
				t.Errorf("without a ledger: %+v", c)
			}
			r.fillSource(imaptest.Mailbox{Name: "Work", Messages: mail("a", 3, 3000)})
			if c := r.mustSync(); c.Copied != 3 {
				t.Errorf("new mail: %+v", c)
			}
			r.merged()
		})
	})
}

// TestMergeCut cuts the first connection to the destination all over a pass
// that merges.
func TestMergeCut(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, src, dst host) {
		whole := newRig(t, src, dst)
		whole.rules = intoInbox
		whole.mergeable()
		p := whole.before(true, imaptest.ProxyOptions{})
		whole.mustSync()
		s := p.Stats()
		const cuts = 12
		for i := range int64(cuts) {
			n := 1 + (s.Up+s.Down)*i/cuts
			t.Run(fmt.Sprintf("case 37: cut after %d octets", n), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, src, dst)
				r.rules = intoInbox
				want := int64(r.mergeable())
				r.options = looks(dst)
				r.before(true, imaptest.ProxyOptions{Faults: imaptest.FirstConns(1, imaptest.Fault{CutAfter: n})})
				if c := r.mustSync(); c.Copied+c.AlreadyThere != want {
					t.Errorf("count: %+v", c)
				}
				r.merged()
			})
		}
	})
}

// TestMergeLanes: several lanes send equal messages of several sources into one
// mailbox that held some already, so that each source must look what is there
// while others send. The answer to the first APPEND is held until another lane
// has looked, or will not: it must not take the other's copy for its own.
func TestMergeLanes(t *testing.T) {
	const sources, each = 40, 60 // more than a lane takes at once
	same := func(i int) imaptest.FakeMessage { return imaptest.FakeMessage{Flags: `\Seen`, Body: text(i, 100+i)} }
	var boxes []imaptest.FakeMailbox
	for s := range sources {
		boxes = append(boxes, imaptest.FakeMailbox{Name: fmt.Sprintf("s%d", s), Count: each, Message: same})
	}
	for name, offered := range map[string][]string{"UIDPLUS": caps(), "no UIDPLUS": caps("UIDPLUS")} {
		t.Run("case 37: "+name, func(t *testing.T) {
			t.Parallel()
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: offered},
				imaptest.FakeMailbox{Name: "INBOX", Count: 1, Message: func(int) imaptest.FakeMessage { return imaptest.FakeMessage{Body: text(1000, 500)} }})
			r := fakeRig(t, src, dst)
			r.rules = intoInbox
			r.lanes = &spare{free: 3}
			r.before(true, imaptest.ProxyOptions{Tap: heldAppend()})
			r.options = func(o *mailsync.Options) { quick(o); o.Lanes = 4 }
			if c := r.mustSync(); c.Copied != sources*each {
				t.Errorf("first pass: %+v", c)
			}
			counts := map[string]int{}
			for _, s := range dst.Stored("INBOX") {
				counts[s.Digest]++
			}
			for i := range each {
				if n := counts[digest(text(i, 100+i))]; n != sources {
					t.Errorf("message %d is there %d times, want %d", i, n, sources)
				}
			}
			if c := r.mustSync(); c.Copied != 0 {
				t.Errorf("second pass: %+v", c)
			}
			obedient(t, dst)
		})
	}
}

// heldAppend holds the first APPEND's answer on the first connection until
// another one fetches something, or a moment has passed.
func heldAppend() func(n int, dir imaptest.Direction, b []byte) {
	var hold, look sync.Once
	looked := make(chan struct{})
	return func(n int, dir imaptest.Direction, b []byte) {
		switch {
		case n > 0 && dir == imaptest.Up && bytes.Contains(b, []byte("UID FETCH")):
			look.Do(func() { close(looked) })
		case n == 0 && dir == imaptest.Down && bytes.Contains(b, []byte("APPEND done")):
			hold.Do(func() {
				select {
				case <-looked:
				case <-time.After(300 * time.Millisecond):
				}
			})
		}
	}
}
