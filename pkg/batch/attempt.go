package batch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// outcome is what a worker tells the feeder.
type outcome struct {
	index   int
	start   time.Time
	ended   instant // of Sync
	elapsed time.Duration
	count   throughput.Count
	err     error
}

// work makes one attempt after the other until no more are handed out.
func (f *feeder) work() error {
	for i := range f.jobs {
		f.ended <- f.attempt(f.tasks[i].ctx, i)
	}
	return nil // a row's error is in its outcome; returned, it would cancel the others
}

// attempt is one call of Sync. A panic ends the row, not the run.
func (f *feeder) attempt(ctx context.Context, i int) (o outcome) {
	t := f.tasks[i]
	f.charge(t, t.lent)
	o = outcome{index: i, start: time.Now()}
	defer func() {
		o.ended = f.instant()
		o.elapsed = o.ended.at.Sub(o.start)
		if p := recover(); p != nil {
			f.opt.Logger.Error("panic in a row",
				slog.Int("line", t.pair.Line), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			o.err = &fault.Error{
				Code: fault.Panic, Text: fault.Clean(fmt.Sprint(p)),
				Hint: "this is a defect of imapfleet: run.log has the stack; the other rows went on",
			}
		}
	}()
	o.count, o.err = f.opt.Syncer.Sync(ctx, t.pair, t.known.ID, t.lanes, t.meter)
	return o
}
