package batch

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// A lane is a row's from when the gate gives it out until the gate has it back.
// What Sync does meanwhile it tells the meter itself; before and after it the
// lane waits for the feeder.

// instant is when a lane began to wait for the feeder.
type instant struct {
	at    time.Time
	saved time.Duration // feeder.saving by then
}

func (f *feeder) instant() instant {
	now := time.Now()
	return instant{now, f.saving.So(now)}
}

// charge tells the meter what a lane of the row has waited for since: the
// feeder's talk with the ledger, or its turn.
func (f *feeder) charge(t *task, since instant) {
	now := f.instant()
	all := now.at.Sub(since.at)
	ledger := min(now.saved-since.saved, all)
	t.meter.Spend(throughput.LedgerWait, ledger)
	t.meter.Spend(throughput.Local, all-ledger)
}

// save is a call of the Recorder.
func (f *feeder) save(do func() error) bool {
	f.saving.Start(time.Now())
	defer func() { f.saving.Stop(time.Now(), 0) }()
	return f.check(do())
}
