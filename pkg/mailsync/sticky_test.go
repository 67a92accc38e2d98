package mailsync_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// unsticky has the destination say from now on that its UIDs do not last, though
// UIDVALIDITY stays.
func (r *rig) unsticky() {
	r.before(true, imaptest.ProxyOptions{Rewrite: func(l []byte) []byte {
		return bytes.Replace(l, []byte("* OK [UIDNEXT"), []byte("* NO [UIDNOTSTICKY] they do not last, [UIDNEXT"), 1)
	}})
}

// comparesAnew makes a pass that must not trust what the ledger maps.
func (r *rig) comparesAnew(n int64) {
	r.t.Helper()
	log := r.logged()
	counted(r.t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
	if !strings.Contains(log.String(), "messages found at the destination") {
		r.t.Errorf("the mailbox was not compared anew:\n%s", log)
	}
}

// That the destination's UIDs do not last is noticed whichever way a mailbox
// gets its first messages, and not forgotten.
func TestUnstickyDestination(t *testing.T) {
	const n = 20
	for _, tt := range []struct {
		name  string
		there int  // messages at the destination before
		known bool // to the ledger, by a pass that did not come to open it
		cut   bool // the first pass ends in the middle
	}{
		{"empty", 0, false, false},
		{"empty, cut", 0, false, true},
		{"empty, known", 0, true, false},
		{"with mail", 5, false, false},
		{"with mail, cut", 5, false, true},
		{"with mail, known", 5, true, false},
		{"with all mail, known", n, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			box, there := plain(n), plain(tt.there)
			box.UIDValidity, there.UIDValidity = 7, 8
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var appended atomic.Int64
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Append: func(imaptest.FakeAppend) (no imaptest.FakeRefusal) {
				if appended.Add(1) == 3 && tt.cut {
					stop()
				}
				return no
			}}, there)
			r := fakeRig(t, src, dst)
			r.unsticky()
			if tt.known {
				r.withLedger(func(ctx context.Context, led *ledger.Ledger, rows []ledger.RowID) error {
					return led.AddMailbox(ctx, &ledger.Mailbox{Row: rows[0], Source: "INBOX", Dest: "INBOX", SourceValidity: 7, DestValidity: 8})
				})
			}
			if tt.cut {
				if _, err := r.sync(ctx); err == nil {
					t.Error("the first pass was not cut off")
				}
			} else {
				r.mustSync()
			}
			r.mustSync()
			if got := len(dst.Stored("INBOX")); got != n-tt.there {
				t.Errorf("%d messages were stored, want %d", got, n-tt.there)
			}
			r.inLedger(func(_ context.Context, _ *ledger.Ledger, m ledger.Mailbox) error {
				if m.SourceValidity != 7 || m.DestValidity != 0 {
					t.Errorf("the map stands for UIDVALIDITY %d and %d, want 7 and 0", m.SourceValidity, m.DestValidity)
				}
				return nil
			})
			r.comparesAnew(n)
		})
	}
}

// UIDs that do not last say nothing of what is to be deleted, though the ledger
// has a map from when they did.
func TestFollowDeletesOfUnsticky(t *testing.T) {
	r := thirty(t, memoryHost(t), memoryHost(t))
	r.deletes(r.src, "INBOX", "5")
	r.before(true, imaptest.ProxyOptions{Rewrite: func(l []byte) []byte {
		if strings.Contains(string(l), "[UIDVALIDITY ") {
			return append(l, "\r\n* OK [UIDNOTSTICKY] they do not last"...)
		}
		return l
	}})
	r.rules.Deletes = true
	figures(t, "kept", r.mustSync(), throughput.Count{Listed: 59, AlreadyThere: 59, GoneKept: 1})
	r.holds("INBOX", 30)
}
