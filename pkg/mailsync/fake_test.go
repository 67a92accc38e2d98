package mailsync_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func fakeHost(f *imaptest.Fake) host {
	return host{name: "fake", delimiter: "/", addUser: func(string, string) error { return nil },
		access: func(string, string) imaptest.Access { return f.Access() }}
}

// fakeRig is a rig between two servers that can be made odd.
func fakeRig(t *testing.T, src, dst *imaptest.Fake) *rig {
	t.Helper()
	r := newRig(t, fakeHost(src), fakeHost(dst))
	r.options = quick
	return r
}

// quick is for servers whose answers are there at once.
func quick(o *mailsync.Options) {
	o.LookEvery, o.Patience = time.Millisecond, 2*time.Second
	o.Timeout, o.FinalTimeout = 10*time.Second, 10*time.Second
}

// plain makes n messages whose sizes differ: message i has 100+10*i octets.
func plain(n int) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Flags: `\Seen`, Body: text(i, 100+10*i)}
	}}
}

func sizeOf(i int) int64 { return int64(100 + 10*i) }

// text makes message i with exactly n octets.
func text(i, n int) []byte {
	b := fmt.Appendf(nil, "Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\n", i, i)
	if n < len(b)+2 {
		panic("text: too short")
	}
	b = append(b, bytes.Repeat([]byte{'x'}, n-len(b)-2)...)
	return append(b, "\r\n"...)
}

func digest(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

// storedOnce holds what a Fake stored against the messages of box that are
// wanted there, as multisets.
func storedOnce(t *testing.T, dst *imaptest.Fake, mailbox string, box imaptest.FakeMailbox, want func(i int) bool) {
	t.Helper()
	counts := map[string]int{}
	names := map[string]string{}
	for i := range box.Count {
		d := digest(box.Message(i).Body)
		names[d] = fmt.Sprintf("message %d", i)
		if want == nil || want(i) {
			counts[d]++
		}
	}
	for _, s := range dst.Stored(mailbox) {
		counts[s.Digest]--
	}
	for _, d := range slices.Sorted(maps.Keys(counts)) {
		switch n := counts[d]; {
		case n > 0:
			t.Errorf("%s: %s is missing %d times", mailbox, names[d], n)
		case n < 0:
			t.Errorf("%s: %s (%.12s) is there %d times too often", mailbox, names[d], d, -n)
		}
	}
}

// counted checks the sums and the figures that matter.
func counted(t *testing.T, c throughput.Count, want throughput.Count) {
	t.Helper()
	got := throughput.Count{Listed: c.Listed, Copied: c.Copied, AlreadyThere: c.AlreadyThere, Rejected: c.Rejected,
		Gone: c.Gone, NotTried: c.NotTried, MailboxesRefused: c.MailboxesRefused}
	if got != want {
		t.Errorf("count:\n got %+v\nwant %+v", got, want)
	}
	if !c.Balanced() {
		t.Errorf("count does not add up: %+v", c)
	}
}

// obedient checks that a server was only given commands that it offers.
func obedient(t *testing.T, f *imaptest.Fake) {
	t.Helper()
	for _, v := range f.Violations() {
		t.Errorf("violation: %s", v)
	}
}

// rejects reads the ledger's rejects of all rows.
func (r *rig) rejects() (all []ledger.RejectRow) {
	r.t.Helper()
	r.withLedger(func(ctx context.Context, led *ledger.Ledger, rows []ledger.RowID) (err error) {
		all, err = led.AllRejects(ctx, rows)
		return err
	})
	return all
}

// logged collects the log of the passes to come.
func (r *rig) logged() *logBuffer {
	b, options := &logBuffer{}, r.options
	r.options = func(o *mailsync.Options) {
		if options != nil {
			options(o)
		}
		o.Logger = slog.New(slog.NewTextHandler(b, nil))
	}
	return b
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// caps returns what a Fake offers without the capabilities named.
func caps(without ...string) []string {
	return slices.DeleteFunc(imaptest.FakeCaps(), func(c string) bool { return slices.Contains(without, c) })
}

// literalMinus offers LITERAL- in the place of LITERAL+.
func literalMinus(without ...string) []string {
	return append(caps(append(without, "LITERAL+")...), "LITERAL-")
}

func evil(text string) []byte {
	return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
}
