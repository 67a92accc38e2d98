package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// books is the ledger as the lanes of passes use it: what a call takes is
// charged to the clock of its context. Methods are those of ledger.Ledger.
type books struct{ led *ledger.Ledger }

// asks is a call of the ledger that gives something.
func asks[T any](ctx context.Context, do func() (T, error)) (T, error) {
	clock := clockOf(ctx)
	defer clock.in(clock.in(waiting(throughput.LedgerWait)))
	return do()
}

// tells is one that gives nothing but an error.
func tells(ctx context.Context, do func() error) error {
	clock := clockOf(ctx)
	defer clock.in(clock.in(waiting(throughput.LedgerWait)))
	return do()
}

func (b books) AddMailboxes(ctx context.Context, ms []*ledger.Mailbox) error {
	return tells(ctx, func() error { return b.led.AddMailboxes(ctx, ms) })
}

func (b books) AddOthers(ctx context.Context, id ledger.MailboxID, runs []ledger.Run) error {
	return tells(ctx, func() error { return b.led.AddOthers(ctx, id, runs) })
}

func (b books) AddRuns(ctx context.Context, id ledger.MailboxID, runs []ledger.Run, flags *ledger.Baseline) error {
	return tells(ctx, func() error { return b.led.AddRuns(ctx, id, runs, flags) })
}

func (b books) Baseline(ctx context.Context, id ledger.MailboxID) (*ledger.Baseline, error) {
	return asks(ctx, func() (*ledger.Baseline, error) { return b.led.Baseline(ctx, id) })
}

func (b books) DestRuns(ctx context.Context, id ledger.RowID, dest string, destValidity uint32) ([]ledger.Run, error) {
	return asks(ctx, func() ([]ledger.Run, error) { return b.led.DestRuns(ctx, id, dest, destValidity) })
}

func (b books) DropReject(ctx context.Context, id ledger.MailboxID, uid uint32) error {
	return tells(ctx, func() error { return b.led.DropReject(ctx, id, uid) })
}

func (b books) DropRepair(ctx context.Context, id ledger.MailboxID, uid uint32, kind string) error {
	return tells(ctx, func() error { return b.led.DropRepair(ctx, id, uid, kind) })
}

func (b books) DropRuns(ctx context.Context, id ledger.MailboxID, uids []uint32) error {
	return tells(ctx, func() error { return b.led.DropRuns(ctx, id, uids) })
}

func (b books) FinishMailbox(ctx context.Context, id ledger.MailboxID, f ledger.Finished) error {
	return tells(ctx, func() error { return b.led.FinishMailbox(ctx, id, f) })
}

func (b books) Mailboxes(ctx context.Context, id ledger.RowID) ([]ledger.Mailbox, error) {
	return asks(ctx, func() ([]ledger.Mailbox, error) { return b.led.Mailboxes(ctx, id) })
}

func (b books) Others(ctx context.Context, id ledger.MailboxID) ([]ledger.Run, error) {
	return asks(ctx, func() ([]ledger.Run, error) { return b.led.Others(ctx, id) })
}

func (b books) PutReject(ctx context.Context, r ledger.Reject) error {
	return tells(ctx, func() error { return b.led.PutReject(ctx, r) })
}

func (b books) PutRepair(ctx context.Context, r ledger.Repair) error {
	return tells(ctx, func() error { return b.led.PutRepair(ctx, r) })
}

func (b books) Rejects(ctx context.Context, id ledger.RowID) ([]ledger.Reject, error) {
	return asks(ctx, func() ([]ledger.Reject, error) { return b.led.Rejects(ctx, id) })
}

func (b books) ResetMap(ctx context.Context, id ledger.MailboxID, sourceValidity, destValidity uint32) error {
	return tells(ctx, func() error { return b.led.ResetMap(ctx, id, sourceValidity, destValidity) })
}

func (b books) Runs(ctx context.Context, id ledger.MailboxID) ([]ledger.Run, error) {
	return asks(ctx, func() ([]ledger.Run, error) { return b.led.Runs(ctx, id) })
}

func (b books) SetDests(ctx context.Context, dests []ledger.Dest) error {
	return tells(ctx, func() error { return b.led.SetDests(ctx, dests) })
}

func (b books) SetFlags(ctx context.Context, id ledger.MailboxID, flags *ledger.Baseline) error {
	return tells(ctx, func() error { return b.led.SetFlags(ctx, id, flags) })
}

func (b books) SetFloors(ctx context.Context, floors []ledger.Floor) error {
	return tells(ctx, func() error { return b.led.SetFloors(ctx, floors) })
}
