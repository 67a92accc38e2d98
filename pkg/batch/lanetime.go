package batch

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
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

// rests notes that a row waits from now on: parked, where its result says so.
func (t *task) rests(now time.Time) {
	if t.rested = (rest{}); t.result.State == throughput.Parked {
		t.rested = rest{since: now, until: t.result.ParkedUntil}
	}
}

// rest is when a row was parked, and until when; the zero rest: it is not, and
// until zero: until it has a lane.
type rest struct{ since, until time.Time }

// wakes counts what a row was parked for, once it waits no more, or only for a
// lane.
func (t *task) wakes(r *throughput.Result, now time.Time) {
	began, end := t.rested.since, now
	if began.IsZero() {
		return
	}
	if until := t.rested.until; !until.IsZero() && until.Before(now) {
		end = until
	}
	t.rested = rest{}
	if r.Fault != nil && r.Fault.Side == fault.Source.String() {
		r.SourceParked += end.Sub(began)
	} else {
		r.DestParked += end.Sub(began)
	}
}

// rouse counts what a row was parked for that begins, or ends without.
func (f *feeder) rouse(t *task, r *throughput.Result, now time.Time) {
	by := f.gate.waited(&t.job, now)
	if t.rested.since.IsZero() {
		r.SourceParked += by[0]
		r.DestParked += by[1]
	}
	t.wakes(r, now)
}
