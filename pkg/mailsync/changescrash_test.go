package mailsync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// inLedger does something with the ledger's record of the one mailbox.
func (r *rig) inLedger(do func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error) {
	r.t.Helper()
	r.withLedger(func(ctx context.Context, led *ledger.Ledger, rows []ledger.RowID) error {
		all, err := led.Mailboxes(ctx, rows[0])
		if err != nil || len(all) != 1 {
			return fmt.Errorf("%d mailboxes, want 1: %v", len(all), err)
		}
		return do(ctx, led, all[0])
	})
}

// unfinished takes back the end of the last pass.
func unfinished(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
	if err := led.FinishMailbox(ctx, m.ID, ledger.Finished{}); err != nil {
		return err
	}
	return led.SetFloors(ctx, []ledger.Floor{{ID: m.ID, Floor: 1, Open: true}})
}

// unmapped takes back what the ledger has learnt of messages too.
func unmapped(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
	if err := led.ResetMap(ctx, m.ID, m.SourceValidity, m.DestValidity); err != nil {
		return err
	}
	return led.SetFloors(ctx, []ledger.Floor{{ID: m.ID, Floor: 1, Open: true}})
}

// A change of flags after a pass that did not come to its end is not lost,
// whatever the ledger has kept of that pass.
func TestFlagsAfterCrash(t *testing.T) {
	for name, crash := range map[string]func(context.Context, *ledger.Ledger, ledger.Mailbox) error{
		"runs known": unfinished, "runs lost": unmapped,
	} {
		for _, c := range [][]string{nil, tracking()} {
			t.Run(name, func(t *testing.T) {
				r, src, dst := changing(t, imaptest.FakeOptions{Caps: c}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
				r.mustSync()
				r.inLedger(crash)
				set(t, src, map[uint32]string{1: `\Seen \Flagged`, 2: ""})
				r.updates(2)
				want := map[uint32]string{1: `\Seen \Flagged`, 2: "", 3: `\Seen`, 4: `\Seen`, 5: `\Seen`}
				shows(t, dst, want)
				r.updates(0)
				shows(t, dst, want)
			})
		}
	}
}

// Messages that were found stored after their command was refused have a
// baseline like all others.
func TestFlagsAfterSettling(t *testing.T) {
	r, src, dst := changing(t, imaptest.FakeOptions{}, imaptest.FakeOptions{NotAtomic: true, Append: func(m imaptest.FakeAppend) (no imaptest.FakeRefusal) {
		if m.N == 3 {
			no.Answer = "NO not this one now"
		}
		return no
	}}, imaptest.FakeMailbox{})
	log := r.logged()
	r.mustSync()
	if !strings.Contains(log.String(), "messages found at the destination") {
		t.Errorf("nothing was settled:\n%s", log)
	}
	set(t, src, map[uint32]string{1: `\Flagged`, 2: ``, 5: `\Draft`})
	r.updates(3)
	shows(t, dst, map[uint32]string{1: `\Flagged`, 2: "", 3: `\Seen`, 4: `\Seen`, 5: `\Draft`})
}

// What a crash has left unmapped above the last whole pass has a baseline when
// it is found, also where that of all others was read before.
func TestFlagsOfNewMailAfterCrash(t *testing.T) {
	for _, c := range [][]string{nil, tracking()} {
		r, src, dst := changing(t, imaptest.FakeOptions{Caps: c}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
		r.mustSync()
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("new", 2, 100)})
		r.fillDest(imaptest.Mailbox{Name: "INBOX", Messages: mail("new", 2, 100)})
		r.inLedger(func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
			return led.SetFloors(ctx, []ledger.Floor{{ID: m.ID, Floor: 6, Open: true}})
		})
		set(t, src, map[uint32]string{5: `\Draft`, 6: `\Flagged`})
		r.updates(2)
		shows(t, dst, map[uint32]string{1: `\Seen`, 2: `\Seen`, 3: `\Seen`, 4: `\Seen`, 5: `\Draft`, 6: `\Flagged`, 7: `\Seen`})
	}
}
